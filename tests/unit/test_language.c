#include "shards/quality/language.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"

static double assert_language(const char *text, const char *expected)
{
    char code[DOCUMENT_LANGUAGE_BYTES];
    double confidence;
    assert_int_equal(language_identify(text, strlen(text), code, &confidence), *expected != 0);
    assert_string_equal(code, expected);
    return confidence;
}

static void sentences_are_of_their_language(void **state)
{
    (void)state;
    assert_language(
        "All human beings are born free and equal in dignity and rights. They are endowed "
        "with reason and should act towards one another in a spirit of brotherhood.",
        "eng");
    assert_language("Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
                    "Vernunft begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
                    "deu");
    assert_language("Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils "
                    "sont doués de raison et doivent agir dans un esprit de fraternité.",
                    "fra");
    assert_language(
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados "
        "como están de razón, deben comportarse fraternalmente los unos con los otros.",
        "spa");
    assert_language("Все люди рождаются свободными и равными в своём достоинстве и правах. Они "
                    "наделены разумом и должны поступать в духе братства.",
                    "rus");
    assert_language("Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони "
                    "наділені розумом і повинні діяти в дусі братерства.",
                    "ukr");
}

static void a_script_of_one_language_tells_it(void **state)
{
    (void)state;
    assert_true(assert_language("Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι.", "ell") > 0.99);
    assert_true(assert_language("כל בני האדם נולדו בני חורין ושווים בערכם.", "heb") > 0.99);
    assert_true(assert_language("모든 인간은 태어날 때부터 자유로우며", "kor") > 0.99);
    assert_true(assert_language("人人生而自由，在尊严和权利上一律平等。", "zho") > 0.99);
    assert_true(assert_language("すべての人間は、生まれながらにして自由であり", "jpn") > 0.99);
}

static void text_without_letters_has_no_language(void **state)
{
    (void)state;
    assert_true(assert_language("", "") == 0);
    assert_true(assert_language("12345 -- 67,8 🙂 \xff\xfe", "") == 0);
}

static void what_is_no_language_is_not_sure(void **state)
{
    (void)state;
    char code[DOCUMENT_LANGUAGE_BYTES];
    double confidence;
    const char *mixed = "Hello Welt, это смешанный текст мира and more";
    assert_true(language_identify(mixed, strlen(mixed), code, &confidence));
    assert_true(confidence < 0.65);
    assert_true(language_identify("xq", 2, code, &confidence));
    assert_true(confidence < 0.65);
}

static void a_long_text_is_looked_at_in_samples(void **state)
{
    (void)state;
    struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < 3000; i++)
        strbuf_add_string(&text, "Größere Häuser stehen über der schönen Straße. ");
    assert_true(assert_language(text.bytes, "deu") > 0.9);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_are_of_their_language),
        cmocka_unit_test(a_script_of_one_language_tells_it),
        cmocka_unit_test(text_without_letters_has_no_language),
        cmocka_unit_test(what_is_no_language_is_not_sure),
        cmocka_unit_test(a_long_text_is_looked_at_in_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
