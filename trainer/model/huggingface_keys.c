#include "trainer/model/huggingface_keys.h"

#include <string.h>

/* What a key's value may be. Null says what an absent key says: it is always allowed. */
enum rule {
    IS_READ,   /* by huggingface_config.c, which judges it */
    ANY,       /* it changes no logit */
    FALSE,     /* true is another computation */
    TRUE,      /* false is */
    ONE,       /* any other number is */
    EMPTY,     /* any member or item is */
    NULL_ALONE /* any value is */
};

struct known_key {
    const char *name;
    enum rule rule;
};

/* Of transformers' PretrainedConfig: for every family. */
static const struct known_key common[] = {
    { "model_type", IS_READ },
    { "vocab_size", IS_READ },
    { "tie_word_embeddings", IS_READ },
    { "bos_token_id", IS_READ },
    { "eos_token_id", IS_READ },
    { "pad_token_id", ANY },
    { "sep_token_id", ANY },
    { "decoder_start_token_id", ANY },
    { "is_encoder_decoder", FALSE },
    { "add_cross_attention", FALSE },
    { "cross_attention_hidden_size", NULL_ALONE },
    { "is_decoder", ANY },
    { "tie_encoder_decoder", FALSE },
    { "pruned_heads", EMPTY },
    { "quantization_config", NULL_ALONE },
    { "sliding_window", NULL_ALONE },
    { "auto_map", NULL_ALONE }, /* code of its own */

    /* Who wrote it, and as what. */
    { "architectures", ANY },
    { "_name_or_path", ANY },
    { "transformers_version", ANY },
    { "torch_dtype", ANY },
    { "dtype", ANY },
    { "tokenizer_class", ANY },
    { "unsloth_version", ANY },
    { "unsloth_fixed", ANY },

    /* How it was trained, or is run. */
    { "initializer_range", ANY },
    { "gradient_checkpointing", ANY },
    { "use_cache", ANY },
    { "use_bfloat16", ANY },
    { "torchscript", ANY },
    { "tf_legacy_loss", ANY },
    { "attn_implementation", ANY },
    { "_attn_implementation", ANY },
    { "_attn_implementation_autoset", ANY },
    { "_flash_attn_2_enabled", ANY },
    { "chunk_size_feed_forward", ANY },
    { "output_attentions", ANY },
    { "output_hidden_states", ANY },
    { "output_past", ANY },
    { "return_dict", ANY },

    /* Of heads that classify, which are weights that a language model has not. */
    { "finetuning_task", ANY },
    { "id2label", ANY },
    { "label2id", ANY },
    { "_num_labels", ANY },
    { "num_labels", ANY },
    { "problem_type", ANY },
    { "task_specific_params", ANY },

    /* How transformers draws from it. */
    { "bad_words_ids", ANY },
    { "begin_suppress_tokens", ANY },
    { "diversity_penalty", ANY },
    { "do_sample", ANY },
    { "early_stopping", ANY },
    { "encoder_no_repeat_ngram_size", ANY },
    { "exponential_decay_length_penalty", ANY },
    { "forced_bos_token_id", ANY },
    { "forced_eos_token_id", ANY },
    { "length_penalty", ANY },
    { "max_length", ANY },
    { "min_length", ANY },
    { "no_repeat_ngram_size", ANY },
    { "num_beam_groups", ANY },
    { "num_beams", ANY },
    { "num_return_sequences", ANY },
    { "output_scores", ANY },
    { "prefix", ANY },
    { "remove_invalid_values", ANY },
    { "repetition_penalty", ANY },
    { "return_dict_in_generate", ANY },
    { "suppress_tokens", ANY },
    { "temperature", ANY },
    { "top_k", ANY },
    { "top_p", ANY },
    { "typical_p", ANY },
    { NULL, ANY },
};

static const struct known_key gpt2[] = {
    { "activation_function", IS_READ },
    { "layer_norm_epsilon", IS_READ },
    { "n_embd", IS_READ },
    { "n_head", IS_READ },
    { "n_inner", IS_READ },
    { "n_layer", IS_READ },
    { "n_positions", IS_READ },
    { "scale_attn_by_inverse_layer_idx", FALSE },
    { "scale_attn_weights", TRUE },
    { "reorder_and_upcast_attn", ANY }, /* an order of fp16's operations */
    { "n_ctx", ANY },                   /* of old versions; n_positions is what counts */
    { "attn_pdrop", ANY },
    { "embd_pdrop", ANY },
    { "resid_pdrop", ANY },
    { "summary_activation", ANY },
    { "summary_first_dropout", ANY },
    { "summary_proj_to_labels", ANY },
    { "summary_type", ANY },
    { "summary_use_proj", ANY },
    { NULL, ANY },
};

static const struct known_key llama[] = {
    { "attention_bias", IS_READ },
    { "head_dim", IS_READ },
    { "hidden_act", IS_READ },
    { "hidden_size", IS_READ },
    { "intermediate_size", IS_READ },
    { "max_position_embeddings", IS_READ },
    { "mlp_bias", IS_READ },
    { "num_attention_heads", IS_READ },
    { "num_hidden_layers", IS_READ },
    { "num_key_value_heads", IS_READ },
    { "rms_norm_eps", IS_READ },
    { "rope_parameters", IS_READ },
    { "rope_scaling", IS_READ },
    { "rope_theta", IS_READ },
    { "partial_rotary_factor", IS_READ },
    { "original_max_position_embeddings", IS_READ },
    { "pretraining_tp", ONE }, /* cuts products, which rounds them otherwise */
    { "attention_dropout", ANY },
    { "max_sequence_length", ANY }, /* of old versions */
    { NULL, ANY },
};

static const struct known_key *find(const struct known_key *keys, const char *name)
{
    while (keys->name && strcmp(keys->name, name) != 0)
        keys++;
    return keys->name ? keys : NULL;
}

/* What the rule asks for, where the value is not that; else NULL. */
static const char *what_is_wanted(enum rule rule, const struct json *value)
{
    const enum json_kind kind = json_kind_of(value);
    const bool is_bool = kind == JSON_KIND_BOOL;
    const bool is_number = kind == JSON_KIND_INTEGER || kind == JSON_KIND_REAL;
    const bool is_list = kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY;
    if (rule == FALSE && !(is_bool && !json_bool_of(value)))
        return "false";
    if (rule == TRUE && !(is_bool && json_bool_of(value)))
        return "true";
    if (rule == ONE && !(is_number && json_number_of(value) == 1))
        return "1";
    if (rule == EMPTY && !(is_list && json_length(value) == 0))
        return "an empty one";
    return rule == NULL_ALONE ? "null" : NULL;
}

enum status huggingface_keys_check(const struct json *config, enum model_family family,
                                   const char *source)
{
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    while (json_next_member(config, &cursor, &name, &value)) {
        const struct known_key *key = find(common, name);
        if (!key)
            key = find(family == FAMILY_GPT2 ? gpt2 : llama, name);
        if (!key)
            return bad_input("cannot use '%s': eon does not know its key '%s', which may change "
                             "what the model computes",
                             source, name);
        if (json_kind_of(value) == JSON_KIND_NULL)
            continue;
        const char *wanted = what_is_wanted(key->rule, value);
        if (wanted)
            return bad_input("cannot use '%s': %s is set to what eon does not compute: it computes "
                             "%s",
                             source, name, wanted);
    }
    return STATUS_OK;
}
