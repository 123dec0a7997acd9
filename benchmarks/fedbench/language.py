"""A small GPT that starts at random, and its tokenizer: what learns the next token here.

Its output layer is its embedding, so a cell that trains it from the start trains both.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer as BytePairs
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2Model, PreTrainedTokenizerFast

VOCABULARY = 1024
BLOCKS = 6
HIDDEN = 64
LONGEST = 128
END = "<|end|>"


def save_small_gpt(folder: Path, texts: Iterable[str]) -> None:
    """Write a GPT-2 of six narrow blocks with random weights, and a tokenizer made from `texts`."""
    tokenizer = BytePairs(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    special = {"eos_token": END, "pad_token": END}
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, **special
    )
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=LONGEST,
        n_embd=HIDDEN,
        n_layer=BLOCKS,
        n_head=4,
        bos_token_id=0,
        eos_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = GPT2Model(config)
    network.save_pretrained(folder)
    fast.save_pretrained(folder)
