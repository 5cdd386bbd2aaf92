"""Site planes beside dense solvers, closed forms and published numbers."""
