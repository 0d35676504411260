"""Tiny pretrained models made on the spot, in the formats that the libraries themselves write."""

import numpy as np
import torch

WORDS = [
    "how",
    "to",
    "get",
    "value",
    "return",
    "key",
    "alpha",
    "beta",
    "gamma",
    "open",
    "file",
    "the",
    "a",
    "of",
    "list",
]
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LIMIT = 64
"""Tokens that the tiny models can read."""


def write_tokenizer(folder):
    """A WordPiece tokenizer that knows some words and every letter; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    vocabulary = list(dict.fromkeys([*special.values(), *WORDS, *LETTERS, ":", *(f"##{letter}" for letter in LETTERS)]))
    numbers = {word: at for at, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token=special["unk_token"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, numbers[name]) for name in ("[CLS]", "[SEP]")],
    )
    names = ["input_ids", "token_type_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=LIMIT, model_input_names=names, **special
    ).save_pretrained(folder)
    return len(vocabulary)


def write_bert(folder, kind="BertModel", labels=1, seed=0):
    """A BERT of 32 dimensions and two layers, with weights large enough to tell texts apart."""
    import transformers

    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=write_tokenizer(folder),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=LIMIT,
        initializer_range=0.3,
        num_labels=labels,
    )
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder


def write_bi_encoder(folder, *, normalize=True, seed=0, **settings):
    """A folder of sentence-transformers: mean pooling, normalised or not."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    bert = Transformer(str(write_bert(folder.parent / f"{folder.name}-bert", seed=seed)))
    modules = [bert, Pooling(32, "mean"), *([Normalize()] if normalize else [])]
    SentenceTransformer(modules=modules, device="cpu", **settings).save(str(folder))
    return folder


def write_cross_encoder(folder, labels=1, seed=0):
    """A folder as transformers writes re-rankers."""
    return write_bert(folder, "BertForSequenceClassification", labels, seed)


def texts(count, longest=40, seed=0):
    """Texts of very different lengths, one of them empty."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest, count)
    lengths[0] = 0
    return [" ".join(rng.choice(WORDS, length)) for length in lengths]
