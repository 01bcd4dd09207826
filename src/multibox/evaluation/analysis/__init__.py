"""What a detector gets wrong.

`kinds` determines the kind of every detection. `costs`, `trend` and `sensitivity` compute numbers from the kinds, with
`groups` of similar classes, and `analysis` collects them. `errors_plot`, `sensitivity_plot` and `sheet` draw them,
`report` puts them on one page, and `folder` writes everything.
"""
