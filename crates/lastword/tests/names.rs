//! Each type in a public signature of the façade has a name there, so that a game can keep the value in a field.

use lastword::Cause;
use lastword::config::{KernelKnobs, Profile, ProfileError};
use lastword::dialect::{Goodbye, Malformed};
use lastword::evidence::Resumable;

#[test]
fn types_of_public_signatures_have_names() {
    let knobs: KernelKnobs = Profile::standard().knobs();
    assert!(knobs.keepalive);
    let mut profile = Profile::standard();
    profile.suspect = profile.heartbeat;
    let error: ProfileError = profile.validate().expect_err("it has to be longer");
    assert!(!error.to_string().is_empty());
    let malformed: Malformed = Goodbye::decode(b"").expect_err("it has no flags");
    assert!(!malformed.to_string().is_empty());
    let resumable: Resumable = Cause::Kicked.resumable();
    assert_eq!(resumable.label(), "no");
}
