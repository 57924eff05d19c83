//! The golden table, first by hand, then whole.

use auth_core::backend::DenyReason;
use auth_core::{BackendPolicy, DeniedKind, OutagePolicy};
use integration_tests::world::Events;
use proptest::prelude::*;

use crate::scripted::Says::{
    self, Accept, AcceptDisabled, Deny, Fails, NotMine, Panics, PanicsBefore, Unknown, Wrong,
};
use crate::scripted::{FIVE, NAMES, Scripted, attempt, chain, plain};

/// What each backend says under which policy, and what comes of it.
type Row = (&'static str, &'static [(Says, BackendPolicy)], Answer);
/// What came of it: the backend whose word it is, and the word.
type Answer = Result<String, (Option<String>, DeniedKind)>;

async fn answer(backends: &[(Scripted, BackendPolicy)]) -> Answer {
    let auth = chain(backends, &Events::default());
    match attempt(&auth).await {
        Ok(done) => Ok(done.backend().to_string()),
        Err(denied) => Err((denied.backend().map(ToString::to_string), denied.kind())),
    }
}

const LOCKED: DeniedKind = DeniedKind::Denied(DenyReason::Locked);
const CLOSED: BackendPolicy = BackendPolicy::new();
const OPEN: BackendPolicy = BackendPolicy::new().outage(OutagePolicy::Continue);
const FINAL: BackendPolicy = BackendPolicy::new().authoritative();
const OPEN_FINAL: BackendPolicy = OPEN.authoritative();

#[tokio::test]
async fn the_rows_that_people_ask_about() {
    let by = |name: &str| Some(name.to_owned());
    let none = |kind| Err((None, kind));
    let word = |name: &str, kind| Err((by(name), kind));
    let ok = |name: &str| Ok(name.to_owned());
    let table: [Row; 20] = [
        ("first user wins", &[(Accept, CLOSED), (Accept, CLOSED)], ok("first")),
        ("decline continues", &[(Unknown, CLOSED), (Accept, CLOSED)], ok("second")),
        ("wrong secret continues", &[(Wrong, CLOSED), (Accept, CLOSED)], ok("second")),
        ("deny stops", &[(Deny, CLOSED), (Accept, CLOSED)], word("first", LOCKED)),
        ("deny after success", &[(Accept, CLOSED), (Deny, CLOSED)], ok("first")),
        ("all declined", &[(Unknown, CLOSED), (Wrong, CLOSED)], word("second", DeniedKind::WrongSecret)),
        ("nobody knows", &[(Unknown, CLOSED), (Unknown, CLOSED)], word("first", DeniedKind::UnknownUser)),
        ("nobody's kind", &[(NotMine, CLOSED)], none(DeniedKind::NoBackend)),
        (
            "not mine, then unknown",
            &[(NotMine, CLOSED), (Unknown, CLOSED)],
            word("second", DeniedKind::UnknownUser),
        ),
        (
            "disabled",
            &[(AcceptDisabled, CLOSED), (Accept, CLOSED)],
            word("first", DeniedKind::Denied(DenyReason::Disabled)),
        ),
        ("fail closed", &[(Fails, CLOSED), (Accept, CLOSED)], word("first", DeniedKind::Unavailable)),
        ("continue", &[(Fails, OPEN), (Accept, CLOSED)], ok("second")),
        (
            "an outage weighs more",
            &[(Unknown, CLOSED), (Fails, OPEN), (Wrong, CLOSED)],
            word("second", DeniedKind::Unavailable),
        ),
        ("down and denied", &[(Fails, OPEN), (Deny, CLOSED)], word("second", LOCKED)),
        (
            "authoritative, wrong secret",
            &[(Wrong, FINAL), (Accept, CLOSED)],
            word("first", DeniedKind::Denied(DenyReason::WrongSecret)),
        ),
        ("authoritative, unknown", &[(Unknown, FINAL), (Accept, CLOSED)], ok("second")),
        ("authoritative, down", &[(Fails, FINAL), (Accept, CLOSED)], word("first", DeniedKind::Unavailable)),
        ("panic", &[(Panics, CLOSED), (Accept, CLOSED)], word("first", DeniedKind::Unavailable)),
        ("panic, continue", &[(Panics, OPEN), (Accept, CLOSED)], ok("second")),
        (
            "panic in supports",
            &[(PanicsBefore, CLOSED), (Accept, CLOSED)],
            word("first", DeniedKind::Unavailable),
        ),
    ];
    for (name, says, expected) in table {
        let backends: Vec<_> = says.iter().map(|(says, policy)| (Scripted::new(*says), *policy)).collect();
        assert_eq!(answer(&backends).await, expected, "{name}");
    }
}

fn is_final(policy: BackendPolicy) -> bool {
    policy == FINAL || policy == OPEN_FINAL
}

/// Whether a backend that says this is the last that is asked.
fn stops(says: Says, policy: BackendPolicy) -> bool {
    match says {
        Accept | Deny => true,
        Fails => policy == CLOSED || policy == FINAL,
        Wrong => is_final(policy),
        _ => false,
    }
}

/// The table's rule in other words than the chain's: cut the list after the one that stops, and take the strongest.
fn expected(list: &[(Says, BackendPolicy)]) -> Answer {
    let asked = list.iter().position(|(says, policy)| stops(*says, *policy)).map_or(list.len(), |at| at + 1);
    let (says, policy) = list[asked - 1];
    let speaker = Some(NAMES[asked - 1].to_owned());
    match says {
        Accept => return Ok(NAMES[asked - 1].to_owned()),
        Deny => return Err((speaker, LOCKED)),
        Wrong if is_final(policy) => return Err((speaker, DeniedKind::Denied(DenyReason::WrongSecret))),
        _ => {}
    }
    let ranks = [
        (Fails, DeniedKind::Unavailable),
        (Wrong, DeniedKind::WrongSecret),
        (Unknown, DeniedKind::UnknownUser),
    ];
    let strongest = ranks.into_iter().find_map(|(word, kind)| {
        let at = list[..asked].iter().position(|(says, _)| *says == word)?;
        Some((Some(NAMES[at].to_owned()), kind))
    });
    Err(strongest.unwrap_or((None, DeniedKind::NoBackend)))
}

/// All 5³ combinations of answers with all 4³ of policies: who answers, what, and who is asked at all.
#[tokio::test]
async fn the_whole_table() {
    let one =
        || FIVE.into_iter().flat_map(|says| [CLOSED, OPEN, FINAL, OPEN_FINAL].map(|policy| (says, policy)));
    let mut rows = 0;
    for first in one() {
        for second in one() {
            for third in one() {
                let list = [first, second, third];
                let backends: Vec<_> =
                    list.iter().map(|(says, policy)| (Scripted::new(*says), *policy)).collect();
                assert_eq!(answer(&backends).await, expected(&list), "{list:?}");
                let end = list.iter().position(|(says, policy)| stops(*says, *policy)).unwrap_or(2);
                for (at, (backend, _)) in backends.iter().enumerate() {
                    assert_eq!(backend.asked(), u64::from(at <= end), "{at} of {list:?}");
                }
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 8_000);
}

/// The client learns one sentence, whatever happened.
#[tokio::test]
async fn every_refusal_has_the_same_text() {
    for says in [Unknown, Wrong, NotMine, Deny, AcceptDisabled, Fails, Panics] {
        let (auth, _) = plain(&[says], &Events::default());
        let denied = attempt(&auth).await.unwrap_err();
        assert_eq!(denied.to_string(), "the credentials were not accepted", "{says:?}");
        assert_eq!(denied.is_unavailable(), matches!(says, Fails | Panics), "{says:?}");
    }
}

fn policies() -> impl Strategy<Value = BackendPolicy> {
    prop_oneof![Just(CLOSED), Just(OPEN), Just(FINAL), Just(OPEN_FINAL)]
}

fn words() -> impl Strategy<Value = Says> {
    prop_oneof![Just(Accept), Just(Unknown), Just(Wrong), Just(Deny), Just(Fails)]
}

/// The word alone: names differ where others stand in between.
fn kind(answer: &Answer) -> Result<(), DeniedKind> {
    answer.as_ref().map(|_| ()).map_err(|(_, kind)| *kind)
}

proptest! {
    /// Backends that the attempt does not concern change nothing, wherever they stand.
    #[test]
    fn backends_that_do_not_judge_change_nothing(
        list in prop::collection::vec((words(), policies()), 1..4),
        places in prop::collection::vec((0_usize..4, policies()), 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut more = list.clone();
        for (at, policy) in places {
            more.insert(at.min(more.len()), (NotMine, policy));
        }
        let scripted = |list: &[(Says, BackendPolicy)]| -> Vec<_> {
            list.iter().map(|(says, policy)| (Scripted::new(*says), *policy)).collect()
        };
        let (without, with) = (scripted(&list), scripted(&more));
        let (one, two) = runtime.block_on(async { (answer(&without).await, answer(&with).await) });
        prop_assert_eq!(kind(&one), kind(&two));
        let asked = |backends: &[(Scripted, BackendPolicy)]| backends.iter().map(|(b, _)| b.asked()).sum::<u64>();
        prop_assert_eq!(asked(&without), asked(&with));
    }
}
