//! What each kind of panel may be told besides its queries and its looks.

use serde::Serialize;

/// What a kind of panel may be told besides.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Options {
    /// Of lines and areas.
    Series {
        /// Where names stand.
        legend: Legend,
        /// What the cross-hair shows.
        tooltip: Tooltip,
    },
    /// Of a figure.
    #[serde(rename_all = "camelCase")]
    Figure {
        /// Which value of a series it is.
        reduce_options: Reduce,
        /// What has the colour.
        color_mode: &'static str,
        /// Whether the past is drawn behind it.
        graph_mode: &'static str,
        /// Which words stand there.
        text_mode: &'static str,
        /// Where the figures stand.
        justify_mode: &'static str,
        /// In which direction they follow each other.
        orientation: &'static str,
    },
    /// Of a table.
    #[serde(rename_all = "camelCase")]
    Table {
        /// Whether columns have headings.
        show_header: bool,
        /// Which column is in order.
        sort_by: [Sort; 1],
    },
}

/// Where names stand.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Legend {
    display_mode: &'static str,
    placement: &'static str,
    show_legend: bool,
    calcs: Vec<&'static str>,
}

/// What the cross-hair shows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tooltip {
    mode: &'static str,
    sort: &'static str,
}

/// Which value of a series a figure is.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reduce {
    calcs: [&'static str; 1],
}

/// The order of a table.
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
