"""The words for number types: the same in recipes, in Python and on the command line."""

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
WORDS = {dtype: word for word, dtype in DTYPES.items()}
