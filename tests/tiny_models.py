"""Random transformers of a few thousand weights, and a tokenizer whose words a test can read."""

import string
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)
from transformers.utils import logging

logging.disable_progress_bar()

BLOCKS = 3
HIDDEN = 16
WORDS = [
    "the",
    "patient",
    "was",
    "seen",
    "for",
    "has",
    "cough",
    "fever",
    "and",
    "pain",
    "chest",
    "heart",
    "lung",
    "mass",
    "visit",
]
_PIECES = string.ascii_lowercase + string.digits
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *WORDS,
    *_PIECES,
    *string.punctuation,
    *(f"##{piece}" for piece in _PIECES),
]


def make_tokenizer() -> PreTrainedTokenizerFast:
    """WordPiece over a few words and all letters: every English text has tokens."""
    ids = {word: index for index, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


def make_byte_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level, as GPT-2's: a word's first token covers the space before it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ids = {character: index for index, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(ids, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def make_bert(blocks: int = BLOCKS) -> nn.Module:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=HIDDEN,
        num_hidden_layers=blocks,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    return BertModel(config, add_pooling_layer=False)


def save_tiny_bert(folder: Path, blocks: int = BLOCKS) -> None:
    make_bert(blocks).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)


def make_network(family: str) -> nn.Module:
    """A small random model of a family that a plan may name, every weight different from zero."""
    torch.manual_seed(0)
    network = _MAKERS[family]()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


_SIZE = {"vocab_size": 50, "hidden_size": HIDDEN, "num_hidden_layers": BLOCKS}
_WIDE = {"num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 40}


def _deberta(**more: Any) -> nn.Module:
    config = DebertaV2Config(
        **_SIZE,
        **_WIDE,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=8,
        pos_att_type=["p2c", "c2p"],
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        position_biased_input=False,
        **more,
    )
    return DebertaV2Model(config)


def _deberta_with_convolution() -> nn.Module:
    return _deberta(conv_kernel_size=3, conv_act="gelu")


_MAKERS = {
    "bert": lambda: BertModel(BertConfig(**_SIZE, **_WIDE), add_pooling_layer=False),
    "roberta": lambda: RobertaModel(
        RobertaConfig(**_SIZE, **_WIDE, pad_token_id=1), add_pooling_layer=False
    ),
    "distilbert": lambda: DistilBertModel(
        DistilBertConfig(
            vocab_size=50,
            dim=HIDDEN,
            n_layers=BLOCKS,
            n_heads=2,
            hidden_dim=32,
            max_position_embeddings=40,
        )
    ),
    "deberta-v2": _deberta,
    "deberta-v2 with a convolution": _deberta_with_convolution,
    "gpt2": lambda: GPT2Model(
        GPT2Config(vocab_size=50, n_embd=HIDDEN, n_layer=BLOCKS, n_head=2, n_positions=40)
    ),
    "llama": lambda: LlamaModel(LlamaConfig(**_SIZE, **_WIDE, num_key_value_heads=1)),
}
FAMILIES = tuple(_MAKERS)
