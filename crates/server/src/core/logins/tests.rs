use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use super::*;

/// A login of this player. All logins use one slot, so that only the whole ids of sessions tell them apart.
fn login(player: Option<&str>) -> Arc<SessionIdentity> {
    SessionIdentity::of(7, player)
}

/// How far a login has come, by its own knowledge.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Outside,
    Waiting,
    Joining,
    Joined,
    Over,
}

/// What a login, or its session, does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// It asks. Says whether the owner's peer is live and not silent.
    Ask(bool),
    AskAgain,
    Join,
    Release,
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Login {
    identity: Arc<SessionIdentity>,
    player: usize,
    stage: Stage,
    woken: Arc<Woken>,
}

/// One player by the rules alone: whose turn it is after the owner.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    /// The login that is about to join, or has joined.
    owner: Option<usize>,
    /// The login that joins next.
    next: Option<usize>,
}

/// Claims next to the rules. After each act both must agree.
struct World {
    claims: Claims,
    policy: Policy,
    logins: Vec<Login>,
    players: Vec<Rules>,
}

impl World {
    /// Each login belongs to the player of this number.
    fn new(policy: Policy, of_players: &[usize]) -> Self {
        let logins = of_players.iter().map(|player| Login {
            identity: login(Some(&format!("player {player}"))),
            player: *player,
            stage: Stage::Outside,
            woken: Arc::default(),
        });
        Self {
            claims: Claims::default(),
            policy,
            logins: logins.collect(),
            players: vec![Rules::default(); of_players.iter().max().map_or(0, |max| max + 1)],
        }
    }

    /// The acts that a login can do now.
    fn possible(&self, n: usize) -> &'static [Act] {
        match self.logins[n].stage {
            Stage::Outside => &[Act::Ask(true), Act::Ask(false)],
            Stage::Waiting => &[Act::AskAgain, Act::Release],
            Stage::Joining => &[Act::Join, Act::Release],
            Stage::Joined => &[Act::Release],
            Stage::Over => &[],
        }
    }

    fn act(&mut self, n: usize, act: Act) {
        let identity = Arc::clone(&self.logins[n].identity);
        let waker = Waker::from(Arc::clone(&self.logins[n].woken));
        match act {
            Act::Ask(well) => {
                let expected = self.expected_answer(n, well);
                let asked = self.claims.ask(&identity, self.policy, &waker, |_| well);
                wake(asked.1);
                assert_eq!(asked.0, expected, "{n}");
                self.answered(n, asked.0);
            }
            Act::AskAgain => {
                let rules = self.players[self.logins[n].player];
                let answer = self.claims.ask_again(&identity, &waker);
                let expected = match (rules.next == Some(n), rules.owner) {
                    (false, _) => Answer::Superseded,
                    (true, None) => Answer::Owns,
                    (true, Some(owner)) => Answer::Waits(self.logins[owner].identity.session),
                };
                assert_eq!(answer, expected, "{n}");
                self.answered(n, answer);
            }
            Act::Join => {
                self.claims.joined(&identity);
                self.logins[n].stage = Stage::Joined;
            }
            Act::Release => {
                wake(self.claims.release(&identity));
                self.released(n);
            }
        }
        self.check();
    }

    /// What the rules answer to a login that asks for the first time.
    fn expected_answer(&self, n: usize, well: bool) -> Answer {
        let rules = self.players[self.logins[n].player];
        let owner_joins = |owner: usize| self.logins[owner].stage == Stage::Joining;
        match (rules.owner, self.policy) {
            (None, Policy::Replace) => Answer::Owns,
            (None, Policy::Refuse) if rules.next.is_none() => Answer::Owns,
            (None, Policy::Refuse) => Answer::Refused,
            (Some(owner), Policy::Refuse) if well || owner_joins(owner) || rules.next.is_some() => {
                Answer::Refused
            }
            (Some(owner), _) => Answer::Waits(self.logins[owner].identity.session),
        }
    }

    fn answered(&mut self, n: usize, answer: Answer) {
        let rules = &mut self.players[self.logins[n].player];
        self.logins[n].stage = match answer {
            Answer::Owns => {
                *rules = Rules {
                    owner: Some(n),
                    next: None,
                };
                Stage::Joining
            }
            Answer::Waits(_) => {
                rules.next = Some(n);
                Stage::Waiting
            }
            Answer::Refused | Answer::Superseded => Stage::Over,
        };
    }

    fn released(&mut self, n: usize) {
        let rules = &mut self.players[self.logins[n].player];
        rules.owner.take_if(|owner| *owner == n);
        rules.next.take_if(|next| *next == n);
        self.logins[n].stage = Stage::Over;
    }

    /// No player has two sessions, and no login waits for a wake-up that does not come.
    fn check(&self) {
        for (player, rules) in self.players.iter().enumerate() {
            let of_player = || self.logins.iter().filter(|login| login.player == player);
            let live = |login: &&Login| matches!(login.stage, Stage::Joining | Stage::Joined);
            assert!(of_player().filter(live).count() <= 1, "two owners");
            let owner = rules.owner.or(rules.next);
            let found = self.claims.find(&format!("player {player}"));
            let expected = owner.map(|owner| self.logins[owner].identity.session);
            assert_eq!(found.map(|found| found.session), expected);
            for (n, login) in self.logins.iter().enumerate() {
                let waits = login.player == player && login.stage == Stage::Waiting;
                if waits && (rules.next != Some(n) || rules.owner.is_none()) {
                    let woken = login.woken.0.load(Ordering::Relaxed);
                    assert!(woken > 0, "{n} may go on, or is superseded, and sleeps");
                }
            }
        }
    }

    /// Every login goes on until nothing is left.
    fn finish(&mut self) {
        for n in 0..self.logins.len() {
            while let Some(act) = self.possible(n).last().copied() {
                self.act(n, act);
            }
        }
        assert!(self.claims.is_empty(), "{:?}", self.claims);
    }
}

/// Runs every order of the acts of some logins, one step longer at a time.
fn in_every_order(policy: Policy, of_players: &[usize], depth: usize) -> usize {
    let mut orders = 0;
    let mut begun: Vec<Vec<(usize, Act)>> = vec![Vec::new()];
    while let Some(acts) = begun.pop() {
        let mut world = World::new(policy, of_players);
        for (n, act) in &acts {
            world.act(*n, *act);
        }
        if acts.len() < depth {
            for n in 0..of_players.len() {
                let next = world.possible(n).iter();
                begun.extend(next.map(|act| [&acts[..], &[(n, *act)]].concat()));
            }
        }
        world.finish();
        orders += 1;
    }
    orders
}

#[test]
fn in_every_order_of_three_logins_one_owns_the_name_and_each_other_one_is_told() {
    for policy in [Policy::Replace, Policy::Refuse] {
        let orders = in_every_order(policy, &[0, 0, 0], 7);
        assert!(orders > 4_000, "{policy:?}: {orders}");
    }
}

proptest! {
    #[test]
    fn any_logins_of_some_players_follow_the_rules(
        replaces in any::<bool>(),
        of_players in prop::collection::vec(0..3_usize, 1..12),
        choices in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..120),
    ) {
        let policy = if replaces { Policy::Replace } else { Policy::Refuse };
        let mut world = World::new(policy, &of_players);
        for (login, act) in choices {
            let n = login.index(of_players.len());
            let possible = world.possible(n);
            if !possible.is_empty() {
                world.act(n, possible[act.index(possible.len())]);
            }
        }
        world.finish();
    }
}

#[tokio::test]
async fn a_player_without_a_name_claims_nothing() {
    for policy in [SecondLogin::Replace, SecondLogin::Refuse] {
        let logins = Logins::new(policy, &Arc::new(Mailboxes::new(&Arc::default()))).unwrap();
        for player in [None, Some("")] {
            assert!(logins.claim_of(&login(player)).is_none(), "{player:?}");
        }
    }
    for policy in [SecondLogin::Allow, SecondLogin::Auto] {
        assert!(
            Logins::new(policy, &Arc::new(Mailboxes::new(&Arc::default()))).is_none(),
            "{policy}"
        );
    }
}

/// Dropping the claim is all that a connection does that ends before its session joins.
#[tokio::test]
async fn a_claim_that_is_dropped_frees_the_name_and_one_that_joined_keeps_it() {
    let logins = Logins::new(
        SecondLogin::Refuse,
        &Arc::new(Mailboxes::new(&Arc::default())),
    )
    .unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = || {
        let identity = login(Some("ann"));
        let mut claim = logins.claim_of(&identity).unwrap();
        let poll = claim.poll(&mut cx);
        (identity, claim, poll)
    };
    let (_, claim, poll) = next();
    assert_eq!(poll, Poll::Ready(Ok(())));
    let (_, second, refused) = next();
    assert!(matches!(refused, Poll::Ready(Err(close)) if close.cause == Cause::AlreadyLoggedIn));
    drop((claim, second));
    let (identity, claim, poll) = next();
    assert_eq!(poll, Poll::Ready(Ok(())));
    claim.joined();
    assert!(logins.find("ann").is_some(), "it is the session's now");
    logins.release(&identity);
    assert!(logins.find("ann").is_none());
}

#[test]
fn an_owner_costs_at_most_48_bytes() {
    let mut claims = Claims::default();
    let mut most = 0;
    for n in 1..=30_000 {
        let login = login(Some(&n.to_string()));
        claims.ask(&login, Policy::Replace, Waker::noop(), |_| true);
        if n >= 16 {
            most = most.max(claims.bytes() / n);
        }
    }
    assert!(most <= 48, "{most}");
    assert!(most > 20, "it is measured: {most}");
}
