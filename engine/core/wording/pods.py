"""What is said of pods that are counted as clusters."""


def pods_as_clusters(control: int, treatment: int, within: float, together: float) -> str:
    """How much pods that differ from each other take from the evidence.

    Args:
        control: how many pods of it are told apart.
        treatment: likewise.
        within: dispersion of windows.
        together: dispersion of windows and pods.

    >>> pods_as_clusters(3, 2, 1.3, 2.6)
    'pods count as clusters (control: 3, treatment: 2): they differ, which makes dispersion 2.60, not 1.30'
    """
    counted = f"pods count as clusters (control: {control}, treatment: {treatment})"
    if f"{together:.2f}" == f"{within:.2f}":
        return f"{counted}: they differ by no more than chance"
    return f"{counted}: they differ, which makes dispersion {together:.2f}, not {within:.2f}"
