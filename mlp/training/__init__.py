"""The epoch loop and what it uses.

How a formula becomes a step: ``mlp.gates`` has the two passes of each gate, and ``mlp.trace`` records their formulas.
``step_formula`` makes them one formula, whose constant factors ``factors`` moves to the smallest arrays. ``step`` turns
it and the optimizer's update into NumPy calls for a block of steps, which ``loop`` runs.
"""
