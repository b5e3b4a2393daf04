"""Numerical methods on arrays that several rooms use."""
