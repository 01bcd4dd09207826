"""The checker that jaxtyping applies to every annotation of the package in tests; an int is accepted as a float."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
