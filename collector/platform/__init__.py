"""An upper platform (上级平台) to test against, written from the specification notes alone.

It shares nothing with `collector.reports`, so that a mistake made there is not made here as well.
"""
