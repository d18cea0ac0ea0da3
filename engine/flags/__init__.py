"""The feature flags of one experiment, as flagd documents. Pure: nothing here evaluates, reads or writes.

`plan` names what is fixed for a run, `layout` divides units, `document` makes the flags, `scheme` tells
how an evaluator deals units out.
"""
