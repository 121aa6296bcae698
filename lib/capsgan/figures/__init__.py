"""Every figure: functions take data frames and arrays and return a Matplotlib figure."""

from .animation import encode_gif, training_gif
from .diagrams import architecture_figure
from .regeneration import gallery_figure, scores_figure, search_figure
from .runs import (
    CHAPTER_8,
    COLOURS,
    curves_figure,
    describe_scale,
    draw_curve,
    grid_figure,
    metrics_figure,
    overview_figure,
    panels,
    samples_figure,
    save_figure,
    show_image,
)
from .study import (
    TRUNKS,
    add_results_footer,
    controls_figure,
    describe_results,
    fid_by_step_figure,
    intervals_figure,
    pairs_figure,
    plain_ticks,
)
