//! The options of each kind of panel, besides its queries and its look.

use serde::Serialize;

/// The options of one kind of panel.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Options {
    /// For lines and areas.
    Series {
        /// The place of the legend.
        legend: Legend,
        /// The content of the cross-hair's tooltip.
        tooltip: Tooltip,
    },
    /// For a single figure.
    #[serde(rename_all = "camelCase")]
    Figure {
        /// The value of a series that is shown.
        reduce_options: Reduce,
        /// The part that is coloured.
        color_mode: &'static str,
        /// Whether a graph of the past is drawn behind it.
        graph_mode: &'static str,
        /// The shown text: the value, its name, or both.
        text_mode: &'static str,
        /// The alignment of the figures.
        justify_mode: &'static str,
        /// The direction in which the figures follow each other.
        orientation: &'static str,
    },
    /// For a table.
    #[serde(rename_all = "camelCase")]
    Table {
        /// Whether columns have headings.
        show_header: bool,
        /// The column by which the table is sorted.
        sort_by: [Sort; 1],
    },
}

/// The place of the legend.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Legend {
    display_mode: &'static str,
    placement: &'static str,
    show_legend: bool,
    calcs: Vec<&'static str>,
}

/// The content of the cross-hair's tooltip.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tooltip {
    mode: &'static str,
    sort: &'static str,
}

/// The value of a series that a figure shows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reduce {
    calcs: [&'static str; 1],
}

/// The sort order of a table.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sort {
    display_name: &'static str,
    desc: bool,
}

impl Options {
    pub(super) fn series() -> Self {
        Self::Series {
            legend: Legend {
                display_mode: "table",
                placement: "right",
                show_legend: true,
                calcs: vec!["lastNotNull", "max"],
            },
            tooltip: Tooltip {
                mode: "multi",
                sort: "desc",
            },
        }
    }

    pub(super) const fn figure() -> Self {
        Self::Figure {
            reduce_options: Reduce {
                calcs: ["lastNotNull"],
            },
            color_mode: "value",
            graph_mode: "area",
            text_mode: "auto",
            justify_mode: "auto",
            orientation: "auto",
        }
    }

    pub(super) const fn table(value: &'static str) -> Self {
        Self::Table {
            show_header: true,
            sort_by: [Sort {
                display_name: value,
                desc: true,
            }],
        }
    }
}
