"""The checker that jaxtyping puts on every annotation of the package in tests: an int is welcome as a float."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
