"""The paper's tables and figures, reproduced.

What the paper shows: `printed` (the numbers), `tables` (their rows, each with recipe and test images), `figures`.
What is asked for: `request` (options, rows, recipes), `splits` (the data that they need).
What runs: `reproduce` (tables), `reproduce_figure`, `examples` (Figure 5), `speed` (Table 7), `submission` (files for
evaluation servers).
What comes out: `outcome` (results, kept on disk), `write` (Markdown and JSON), `plot` (a chart).
What would run: `plan`, with times by `estimate`, or by `timing` of real steps.
"""
