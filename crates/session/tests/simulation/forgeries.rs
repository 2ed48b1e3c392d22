//! Tokens that are not valid: forged, changed, of others, too old, too new. None is taken, and none changes the session.

use lastword_session::wire::Hello;
use lastword_session::{Knock, Refusal, SessionId, TokenKey};

use super::client::WILLING;
use super::dice::Dice;
use super::faults::Fault;
use super::support::{ADMISSION, Seen, encoded};
use super::world::World;

/// How many generations of tokens the session has had.
const GENERATIONS: u32 = 5;

/// Sends so many hellos, each with another token that is not valid. Returns how many were refused: all.
pub(crate) fn refused(seed: u64, tokens: u64) -> u64 {
    let mut dice = Dice::new(seed);
    let mut world = World::new(seed);
    world.comes_to_rest();
    while world.epoch() < GENERATIONS {
        world.suffers(Fault::Abandon);
        world.comes_to_rest();
    }
    let before = world.session();
    for n in 0..tokens {
        let (session, token) = invalid(&mut dice, &world.key());
        assert_eq!(
            check(&mut world, session, &token),
            Err(Refusal::Stale),
            "{token:?}"
        );
        // The comparison takes longer than the check.
        if n % 1_000 == 0 || n + 1 == tokens {
            assert_eq!(world.session(), before, "a refusal changes nothing");
        }
    }
    let own = SessionId::from_bytes(ADMISSION.session);
    let valid = world.key().token(own, GENERATIONS);
    assert!(
        check(&mut world, own, valid.as_bytes()).is_ok(),
        "it is still valid"
    );
    tokens
}

/// The server's word about a hello with this token.
fn check(world: &mut World, session: SessionId, token: &[u8]) -> Result<Knock, Refusal> {
    let hello = Hello {
        resume: true,
        session: *session.as_bytes(),
        token,
        ..WILLING
    };
    let claim = world.reads(&encoded(|out| hello.encode(out)));
    let Some(claim @ Seen::Claim { .. }) = claim else {
        panic!("{claim:?}");
    };
    world.checks(&claim)
}

/// A session and a token that is not valid for it.
fn invalid(dice: &mut Dice, key: &TokenKey) -> (SessionId, Vec<u8>) {
    let own = SessionId::from_bytes(ADMISSION.session);
    let mut other = ADMISSION.session;
    other[usize::from(dice.roll().to_be_bytes()[0] % 16)] ^= 1;
    let other = SessionId::from_bytes(other);
    let of = |session, generation| key.token(session, generation).as_bytes().to_vec();
    // The latest is confirmed.
    let valid = of(own, GENERATIONS);
    let below = |dice: &mut Dice, n: usize| {
        let n = u64::try_from(n).expect("it fits");
        usize::try_from(dice.below(n)).expect("it fits")
    };
    let token = match dice.below(8) {
        0 | 1 => {
            let mut token = valid;
            // An odd number of changes never comes back to the same.
            for _ in 0..=2 * dice.below(4) {
                let bit = below(dice, 8 * token.len());
                token[bit / 8] ^= 1 << (bit % 8);
            }
            token
        }
        2 => (0..4).flat_map(|_| dice.roll().to_be_bytes()).collect(),
        3 => of(other, GENERATIONS),
        4 => of(
            own,
            u32::try_from(dice.below(GENERATIONS.into())).expect("it fits"),
        ),
        5 => of(
            own,
            GENERATIONS + 1 + u32::from(dice.roll().to_be_bytes()[0]),
        ),
        6 => valid[..below(dice, valid.len())].to_vec(),
        _ => TokenKey::new([dice.roll().to_be_bytes()[0] | 1; 32])
            .token(own, GENERATIONS)
            .as_bytes()
            .to_vec(),
    };
    (own, token)
}
