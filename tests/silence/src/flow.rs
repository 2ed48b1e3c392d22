//! Checks that frames still flow between the living sessions, each once and in order.

use crate::judge::Judgement;
use crate::scene::Scene;
use crate::words::Account;

/// Compares the accounts of both ends, in a scene without a frozen process.
pub(crate) fn check(scene: &mut Scene, judgement: &mut Judgement) -> anyhow::Result<()> {
    let report = scene.report_of_server()?;
    judgement.suspects = report.suspects;
    let server = report.accounts;
    let crowd = scene.report_of_crowd()?.accounts;
    for name in &scene.names {
        let (ours, theirs) = (find(&server, name), find(&crowd, name));
        for (end, from, to) in [("the client", ours, theirs), ("the game", theirs, ours)] {
            if to.out_of_turn > 0 {
                let what = format!("{end} took {} frames out of turn", to.out_of_turn);
                judgement.object(name, what);
            }
            if from.sent > 0 && to.taken == 0 {
                judgement.object(name, format!("{end} took none of {} frames", from.sent));
            }
        }
    }
    Ok(())
}

/// A player without an account sent and took nothing.
pub(crate) fn find<'a>(accounts: &'a [Account], player: &str) -> &'a Account {
    static NOTHING: Account = Account {
        player: String::new(),
        sent: 0,
        taken: 0,
        out_of_turn: 0,
        back_at: None,
    };
    let found = accounts.iter().find(|account| account.player == player);
    found.unwrap_or(&NOTHING)
}
