use super::*;

fn board_with(panel: Panel) -> Board {
    Board::new("test", "Test", "").row(8, [(24, panel)])
}

fn lines() -> Panel {
    Panel::lines("Lines", Unit::Count, "")
}

fn wrong(board: &Board) -> String {
    let error = board
        .check(&Known::default())
        .expect_err("something is wrong");
    format!("{error:#}")
}

#[test]
fn a_metric_or_a_legend_that_there_is_not_is_reported_with_its_panel() {
    let board = board_with(lines().shows("", "sum(lastword_sesions_open)"));
    assert_eq!(
        wrong(&board),
        "test: Lines: there is no metric `lastword_sesions_open`"
    );

    let board =
        board_with(lines().shows("{{clas}}", "sum by (class) (lastword_disconnects_total)"));
    assert_eq!(
        wrong(&board),
        "test: Lines: the answer has no `clas` for its legend"
    );
}

#[test]
fn rows_follow_each_other_and_end_at_the_edge() {
    let board = Board::new("test", "Test", "")
        .row(4, [(12, lines()), (12, lines())])
        .row(6, [(20, lines()), (8, lines())]);
    let places: Vec<_> = board.panels.iter().map(|panel| panel.grid_pos).collect();
    let expected = [(4, 12, 0, 0), (4, 12, 12, 0), (6, 20, 0, 4), (6, 8, 20, 4)];
    assert_eq!(places, expected.map(|(h, w, x, y)| Grid { h, w, x, y }));
    assert_eq!(wrong(&board), "test: Lines ends at 28 of 24");
}
