#include "trainer/reports/model_presets.h"

#include <stddef.h>
#include <string.h>

#include "base/options.h"

#define GPT2    "Radford et al. 2019, Language Models are Unsupervised Multitask Learners"
#define GPT3    "Brown et al. 2020, arXiv:2005.14165, table 2.1"
#define LLAMA_1 "Touvron et al. 2023, arXiv:2302.13971, table 2"
#define LLAMA_2 "Touvron et al. 2023, arXiv:2307.09288, table 1"
#define LLAMA_3 "Grattafiori et al. 2024, arXiv:2407.21783; model card of Llama 3.1"
#define PYTHIA  "Biderman et al. 2023, arXiv:2304.01373, table 1"

#define GPT2_TOKENS    "its tokens were never published (40 GB of text): give --tokens"
#define LLAMA_3_TOKENS "the model card says 15 trillion tokens or more"

const struct model_preset model_presets[] = {
    { "gpt2-124m", "GPT-2 124M", 124e6, 0, GPT2, GPT2_TOKENS },
    { "gpt2-355m", "GPT-2 355M", 355e6, 0, GPT2, GPT2_TOKENS },
    { "gpt2-774m", "GPT-2 774M", 774e6, 0, GPT2, GPT2_TOKENS },
    { "gpt2-1.5b", "GPT-2 1.5B", 1.542e9, 0, GPT2, GPT2_TOKENS },
    { "gpt3-125m", "GPT-3 Small", 125e6, 300e9, GPT3, NULL },
    { "gpt3-1.3b", "GPT-3 XL", 1.3e9, 300e9, GPT3, NULL },
    { "gpt3-6.7b", "GPT-3 6.7B", 6.7e9, 300e9, GPT3, NULL },
    { "gpt3-13b", "GPT-3 13B", 13e9, 300e9, GPT3, NULL },
    { "gpt3-175b", "GPT-3 175B", 175e9, 300e9, GPT3,
      "the paper's own count, table D.1, is 3.14e23 FLOPs" },
    { "gopher-280b", "Gopher 280B", 280e9, 300e9, "Rae et al. 2021, arXiv:2112.11446", NULL },
    { "mt-nlg-530b", "Megatron-Turing NLG 530B", 530e9, 270e9,
      "Smith et al. 2022, arXiv:2201.11990", NULL },
    { "chinchilla-70b", "Chinchilla 70B", 70e9, 1.4e12, "Hoffmann et al. 2022, arXiv:2203.15556",
      NULL },
    { "palm-540b", "PaLM 540B", 540.35e9, 780e9, "Chowdhery et al. 2022, arXiv:2204.02311", NULL },
    { "opt-175b", "OPT-175B", 175e9, 180e9, "Zhang et al. 2022, arXiv:2205.01068", NULL },
    { "bloom-176b", "BLOOM 176B", 176e9, 366e9, "BigScience Workshop 2022, arXiv:2211.05100",
      NULL },
    { "pythia-1.4b", "Pythia 1.4B", 1.4e9, 299.9e9, PYTHIA, NULL },
    { "pythia-12b", "Pythia 12B", 12e9, 299.9e9, PYTHIA, NULL },
    { "tinyllama-1.1b", "TinyLlama 1.1B", 1.1e9, 3e12, "Zhang et al. 2024, arXiv:2401.02385",
      NULL },
    { "llama-7b", "LLaMA 7B", 6.7e9, 1.0e12, LLAMA_1, NULL },
    { "llama-13b", "LLaMA 13B", 13.0e9, 1.0e12, LLAMA_1, NULL },
    { "llama-33b", "LLaMA 33B", 32.5e9, 1.4e12, LLAMA_1, NULL },
    { "llama-65b", "LLaMA 65B", 65.2e9, 1.4e12, LLAMA_1, NULL },
    { "llama2-7b", "Llama 2 7B", 7e9, 2e12, LLAMA_2, NULL },
    { "llama2-13b", "Llama 2 13B", 13e9, 2e12, LLAMA_2, NULL },
    { "llama2-70b", "Llama 2 70B", 70e9, 2e12, LLAMA_2, NULL },
    { "falcon-180b", "Falcon 180B", 180e9, 3.5e12, "Almazrouei et al. 2023, arXiv:2311.16867",
      NULL },
    { "llama3.1-8b", "Llama 3.1 8B", 8e9, 15e12, LLAMA_3, LLAMA_3_TOKENS },
    { "llama3.1-70b", "Llama 3.1 70B", 70e9, 15e12, LLAMA_3, LLAMA_3_TOKENS },
    { "llama3.1-405b", "Llama 3.1 405B", 405e9, 15.6e12, LLAMA_3,
      "the paper's own count is 3.8e25 FLOPs" },
    { "deepseek-v3", "DeepSeek-V3", 37e9, 14.8e12, "DeepSeek-AI 2024, arXiv:2412.19437",
      "a mixture of experts: 37e9 of its 671e9 parameters are active for a token" },
    { NULL, NULL, 0, 0, NULL, NULL },
};

enum { PRESET_COUNT = sizeof model_presets / sizeof model_presets[0] - 1 };

const struct model_preset *model_preset_find(const char *name)
{
    const struct model_preset *largest = NULL;
    size_t length = strlen(name);
    for (const struct model_preset *preset = model_presets; preset->name; preset++) {
        if (strcmp(preset->name, name) == 0)
            return preset;
        if (strncmp(preset->name, name, length) == 0 && preset->name[length] == '-')
            largest = preset;
    }
    return largest;
}

const char *model_preset_nearest(const char *name)
{
    const char *names[PRESET_COUNT + 1];
    for (int i = 0; i <= PRESET_COUNT; i++)
        names[i] = model_presets[i].name;
    return nearest_word(name, names);
}

double training_flops_estimate(double parameters, double tokens)
{
    return 6 * parameters * tokens;
}
