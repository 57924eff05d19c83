use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, yield_now};
use tokio::time;

use super::*;
use crate::BackendName;
use crate::backend::{BackendErrorKind, UserSource};
use crate::session::Source;
use crate::time::{ManualClock, Timestamp};

const SECOND: Duration = Duration::from_secs(1);
const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Member {
    id: UserId,
    version: u64,
    active: bool,
}

impl User for Member {
    fn id(&self) -> UserId {
        self.id.clone()
    }

    fn security_stamp(&self) -> &[u8] {
        b"stamp"
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Says {
    User,
    Disabled,
    Nobody,
    Fails,
    Panics,
    Hangs,
}

/// Users in one version. A load reads the version first, and then can be held.
struct Town {
    says: Mutex<Says>,
    version: AtomicU64,
    loads: AtomicUsize,
    is_held: AtomicBool,
    gate: Semaphore,
}

impl UserSource for Town {
    type User = Member;

    async fn get_user(&self, id: &UserId) -> Result<Option<Member>, BackendError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let (says, version) = (*self.says.lock().unwrap(), self.version.load(Ordering::SeqCst));
        if self.is_held.load(Ordering::SeqCst) {
            self.gate.acquire().await.unwrap().forget();
        }
        // Others run between the reading and the answer.
        wait(7).await;
        match says {
            Says::User | Says::Disabled => {
                Ok(Some(Member { id: id.clone(), version, active: says == Says::User }))
            }
            Says::Nobody => Ok(None),
            Says::Fails => Err(BackendError::unavailable("told to")),
            Says::Panics => panic!("told to"),
            Says::Hangs => std::future::pending().await,
        }
    }
}

/// A backend with a cache, and the clock.
#[derive(Clone)]
struct World {
    town: Arc<Town>,
    source: Arc<Source<Member>>,
    clock: Arc<ManualClock>,
}

type Told = Result<Option<u64>, BackendErrorKind>;

impl World {
    fn new(config: &UserCache) -> Self {
        let town = Arc::new(Town {
            says: Mutex::new(Says::User),
            version: AtomicU64::new(1),
            loads: AtomicUsize::new(0),
            is_held: AtomicBool::new(false),
            gate: Semaphore::new(0),
        });
        let source = Source {
            name: BackendName::new("town").unwrap(),
            timeout: TIMEOUT,
            users: Arc::clone(&town) as _,
            confirming: None,
            cache: Some(Cache::new(config)),
        };
        Self { town, source: Arc::new(source), clock: Arc::new(ManualClock::at(START)) }
    }

    fn cache(&self) -> &Cache<Member> {
        self.source.cache.as_ref().unwrap()
    }

    fn loads(&self) -> usize {
        self.town.loads.load(Ordering::SeqCst)
    }

    fn say(&self, says: Says) {
        *self.town.says.lock().unwrap() = says;
    }

    fn hold(&self, is_held: bool) {
        self.town.is_held.store(is_held, Ordering::SeqCst);
    }

    fn change(&self) {
        self.town.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The version of a user that a session gets.
    async fn find(&self, id: &UserId) -> Told {
        let found = self.source.find_user(self.cache(), id, &*self.clock).await;
        found.map(|found| found.user.map(|user| user.version)).map_err(|error| error.kind())
    }

    fn start(&self, id: &UserId) -> JoinHandle<Told> {
        let (world, id) = (self.clone(), id.clone());
        tokio::spawn(async move { world.find(&id).await })
    }

    /// How many users are kept, and how many loads are under way.
    fn size(&self) -> (usize, usize) {
        let sizes = self.cache().buckets.iter().map(|bucket| lock(bucket).size());
        sizes.fold((0, 0), |(kept, loads), size| (kept + size.0, loads + size.1))
    }
}

fn world() -> World {
    World::new(&UserCache::new())
}

fn alice() -> UserId {
    UserId::from(1)
}

async fn settle() {
    for _ in 0..200 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_user_is_loaded_once() {
    let world = world();
    for _ in 0..100 {
        assert_eq!(world.find(&alice()).await, Ok(Some(1)));
    }
    assert_eq!(world.loads(), 1);
    assert_eq!(world.find(&UserId::from(2)).await, Ok(Some(1)));
    assert_eq!(world.loads(), 2, "another user is another load");
}

/// The bound that the documentation names: nothing that a load read is served when its ttl is over.
#[tokio::test]
async fn age_counts_from_the_start_of_the_load_and_use_does_not_extend_it() {
    let world = world();
    world.hold(true);
    let slow = world.start(&alice());
    settle().await;
    world.change();
    world.clock.advance(SECOND * 20);
    world.town.gate.add_permits(1);
    assert_eq!(slow.await.unwrap(), Ok(Some(1)));
    world.hold(false);
    for _ in 0..10 {
        assert_eq!(world.find(&alice()).await, Ok(Some(1)), "less than 30 s old");
        world.clock.advance(Duration::from_millis(999));
    }
    world.clock.advance(Duration::from_millis(10));
    assert_eq!(world.find(&alice()).await, Ok(Some(2)), "30 s after the load started");
    assert_eq!(world.loads(), 2);
}

#[tokio::test]
async fn a_load_of_which_the_ttl_is_over_is_not_joined() {
    let world = World::new(&UserCache::new().ttl(SECOND));
    world.hold(true);
    let slow = world.start(&alice());
    settle().await;
    world.change();
    world.clock.advance(SECOND);
    let next = world.start(&alice());
    settle().await;
    assert_eq!((world.loads(), world.size()), (2, (0, 1)));
    world.town.gate.add_permits(2);
    assert_eq!(slow.await.unwrap(), Ok(Some(1)));
    assert_eq!(next.await.unwrap(), Ok(Some(2)));
    assert_eq!(world.find(&alice()).await, Ok(Some(2)));
    assert_eq!(world.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_nothing_last_longer() {
    let world = world();
    world.find(&alice()).await.unwrap();
    world.clock.set(Timestamp::from_secs(1_000));
    world.find(&alice()).await.unwrap();
    assert_eq!(world.loads(), 2, "what comes from the future is over");
    world.clock.advance(SECOND * 10);
    for _ in 0..3 {
        time::advance(SECOND * 10).await;
        world.clock.set(Timestamp::from_secs(1_000));
    }
    world.find(&alice()).await.unwrap();
    assert_eq!(world.loads(), 3, "30 s have passed, whatever the clock says");
}

/// A user who is loaded again because the clock went back is not kept twice when it comes forward.
#[tokio::test]
async fn a_user_who_is_being_loaded_is_not_kept() {
    let world = world();
    world.find(&alice()).await.unwrap();
    world.clock.set(Timestamp::from_secs(1_000));
    world.hold(true);
    let loading = world.start(&alice());
    settle().await;
    assert_eq!(world.size(), (0, 1));
    world.clock.set(START);
    world.town.gate.add_permits(1);
    loading.await.unwrap().unwrap();
    assert_eq!(world.size(), (1, 0));
}

#[tokio::test]
async fn the_number_of_users_is_bounded() {
    for capacity in [1, 2, 15, 16, 17, 31, 32, 33, 100, 1_000] {
        let world = World::new(&UserCache::new().capacity(capacity));
        for id in 0..2_000 {
            let id = UserId::from(id);
            world.find(&id).await.unwrap();
            world.find(&id).await.unwrap();
        }
        let (kept, loads) = world.size();
        assert!(kept <= capacity && kept * 10 >= capacity * 9, "{capacity}: {kept}");
        assert_eq!((loads, world.loads()), (0, 2_000), "{capacity}: each was kept at first");
    }
}

#[tokio::test]
async fn the_first_gives_way() {
    let world = World::new(&UserCache::new().capacity(4));
    for id in [1, 2, 3, 4, 1, 2, 5] {
        world.find(&UserId::from(id)).await.unwrap();
    }
    assert_eq!(world.loads(), 5);
    for id in [2, 3, 4, 5] {
        world.find(&UserId::from(id)).await.unwrap();
    }
    assert_eq!(world.loads(), 5, "they are still there");
    world.find(&alice()).await.unwrap();
    assert_eq!(world.loads(), 6, "the first is not");
}

#[tokio::test(start_paused = true)]
async fn what_is_over_leaves_memory_when_others_come() {
    let world = World::new(&UserCache::new().capacity(20));
    for id in 0..20 {
        world.find(&UserId::from(id)).await.unwrap();
    }
    assert_eq!(world.size().0, 20);
    time::advance(SECOND * 30).await;
    world.find(&UserId::from(20)).await.unwrap();
    assert_eq!(world.size().0, 1);
}

#[tokio::test]
async fn fifty_at_once_are_one_load() {
    let world = world();
    world.hold(true);
    let all: Vec<_> = (0..50).map(|_| world.start(&alice())).collect();
    settle().await;
    assert_eq!((world.loads(), world.size()), (1, (0, 1)));
    world.town.gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(1)));
    }
    assert_eq!((world.loads(), world.size()), (1, (1, 0)));
}

#[tokio::test]
async fn a_leader_that_goes_away_is_replaced() {
    let world = world();
    world.hold(true);
    let mut all: Vec<_> = (0..10).map(|_| world.start(&alice())).collect();
    settle().await;
    let leader = all.remove(0);
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    settle().await;
    assert_eq!((world.loads(), world.size()), (2, (0, 1)), "one takes over");
    for one in all.drain(..5) {
        one.abort();
        settle().await;
        assert_eq!(world.size(), (0, 1), "whichever of them goes");
    }
    world.town.gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(1)));
    }
    assert_eq!(world.size(), (1, 0));
}

#[tokio::test]
async fn the_last_to_go_away_leaves_nothing() {
    let world = world();
    world.hold(true);
    for id in 0..100 {
        let all: Vec<_> = (0..3).map(|_| world.start(&UserId::from(id))).collect();
        settle().await;
        all.iter().for_each(JoinHandle::abort);
        settle().await;
        assert_eq!(world.size(), (0, 0));
    }
}

#[tokio::test]
async fn a_leader_that_panics_is_replaced() {
    let world = world();
    world.hold(true);
    world.say(Says::Panics);
    let mut all: Vec<_> = (0..10).map(|_| world.start(&alice())).collect();
    settle().await;
    world.say(Says::User);
    world.town.gate.add_permits(2);
    assert_eq!(all.remove(0).await.unwrap(), Err(BackendErrorKind::Panicked));
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(1)), "they panic not for it");
    }
    assert_eq!((world.loads(), world.size()), (2, (1, 0)));
}

/// Each request has the backend's time, counted from its own start.
#[tokio::test(start_paused = true)]
async fn a_leader_that_times_out_is_replaced() {
    let world = world();
    world.say(Says::Hangs);
    let began = time::Instant::now();
    let first = world.start(&alice());
    let beside = world.start(&alice());
    settle().await;
    time::advance(SECOND * 2).await;
    let later = world.start(&alice());
    settle().await;
    world.say(Says::User);
    assert_eq!(first.await.unwrap(), Err(BackendErrorKind::TimedOut));
    assert_eq!(later.await.unwrap(), Ok(Some(1)));
    // It had its time; that another took over at the same moment may have served it too.
    assert!(matches!(beside.await.unwrap(), Err(BackendErrorKind::TimedOut) | Ok(Some(1))));
    assert_eq!(began.elapsed(), TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_without_the_cache() {
    let world = world();
    world.say(Says::Hangs);
    let mut all = Vec::new();
    for second in 0..12 {
        all.push((second, world.start(&alice())));
        time::sleep(SECOND).await;
    }
    let began = time::Instant::now();
    for (second, one) in all {
        assert_eq!(one.await.unwrap(), Err(BackendErrorKind::TimedOut), "{second}");
    }
    assert!(began.elapsed() <= TIMEOUT, "{:?}", began.elapsed());
    assert_eq!(world.size(), (0, 0));
}

/// Requests that waited for another's load get the cause of its failure, too.
#[tokio::test]
async fn the_cause_of_an_outage_is_shared() {
    let world = world();
    world.hold(true);
    world.say(Says::Fails);
    let find = || async {
        let found = world.source.find_user(world.cache(), &alice(), &*world.clock).await;
        crate::cause::chain(&found.err().unwrap())
    };
    world.town.gate.add_permits(1);
    let (one, other) = tokio::join!(find(), find());
    assert_eq!((&one, world.loads()), (&other, 1));
    assert_eq!(one, ["the backend is unavailable", "told to"]);
}

/// A backend that says that it is down is not asked again by everybody who waited for that answer; and nobody
/// remembers it.
#[tokio::test]
async fn an_outage_is_shared_and_never_kept() {
    let world = world();
    world.hold(true);
    world.say(Says::Fails);
    let all: Vec<_> = (0..50).map(|_| world.start(&alice())).collect();
    settle().await;
    world.town.gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap(), Err(BackendErrorKind::Unavailable));
    }
    assert_eq!((world.loads(), world.size()), (1, (0, 0)));
    world.hold(false);
    assert_eq!(world.find(&alice()).await, Err(BackendErrorKind::Unavailable));
    assert_eq!(world.loads(), 2, "asked again");
    world.say(Says::User);
    assert_eq!(world.find(&alice()).await, Ok(Some(1)), "at once");
}

#[tokio::test]
async fn neither_nobody_nor_the_disabled_are_kept() {
    for (says, told) in [(Says::Nobody, Ok(None)), (Says::Disabled, Ok(Some(1)))] {
        let world = world();
        world.say(says);
        for loads in 1..4 {
            assert_eq!(world.find(&alice()).await, told);
            assert_eq!((world.loads(), world.size()), (loads, (0, 0)));
        }
    }
}

type Invalidate = fn(&World);

const INVALIDATIONS: [(&str, Invalidate); 2] =
    [("one", |world| world.cache().invalidate(&alice())), ("all", |world| world.cache().clear())];

#[tokio::test]
async fn what_was_invalidated_is_loaded_again() {
    for (name, invalidate) in INVALIDATIONS {
        let world = world();
        world.find(&alice()).await.unwrap();
        world.change();
        invalidate(&world);
        assert_eq!(world.size(), (0, 0), "{name}");
        assert_eq!(world.find(&alice()).await, Ok(Some(2)), "{name}");
    }
    let world = world();
    world.find(&alice()).await.unwrap();
    world.cache().invalidate(&UserId::from(2));
    world.find(&alice()).await.unwrap();
    assert_eq!(world.loads(), 1, "somebody else");
}

/// The race that a cache loses: a load reads the old user, the user changes and is invalidated, the load ends.
#[tokio::test]
async fn an_overtaken_load_is_neither_kept_nor_joined() {
    for (name, invalidate) in INVALIDATIONS {
        let world = world();
        world.hold(true);
        let before = world.start(&alice());
        settle().await;
        world.change();
        invalidate(&world);
        let after = world.start(&alice());
        settle().await;
        assert_eq!(world.loads(), 2, "{name}: not joined");
        // The gate is fair: this lets the first one go on.
        world.town.gate.add_permits(1);
        assert_eq!(before.await.unwrap(), Ok(Some(1)), "{name}");
        assert_eq!(world.size(), (0, 1), "{name}: not kept, and the other's load goes on");
        world.town.gate.add_permits(1);
        assert_eq!(after.await.unwrap(), Ok(Some(2)), "{name}");
        world.hold(false);
        assert_eq!(world.find(&alice()).await, Ok(Some(2)), "{name}");
        assert_eq!(world.loads(), 2, "{name}: that one is kept");
    }
}

/// The same in many orders: after an invalidation nobody ever gets what was there before.
#[tokio::test]
async fn nobody_gets_what_was_invalidated_before_they_asked() {
    let world = world();
    let published = Arc::new(AtomicU64::new(1));
    let reader = |pace: u64| {
        let (world, published) = (world.clone(), Arc::clone(&published));
        tokio::spawn(async move {
            for round in 0..2_000 {
                let least = published.load(Ordering::SeqCst);
                let version = world.find(&alice()).await.unwrap().unwrap();
                assert!(version >= least, "{version} after {least}");
                wait(round * pace % 7).await;
            }
        })
    };
    let readers: Vec<_> = (1..5).map(reader).collect();
    for version in 2.. {
        if readers.iter().all(JoinHandle::is_finished) {
            break;
        }
        world.town.version.store(version, Ordering::SeqCst);
        INVALIDATIONS[usize::from(version % 3 == 0)].1(&world);
        published.store(version, Ordering::SeqCst);
        wait(version * version % 23).await;
    }
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(world.size().1, 0);
    assert!(world.loads() > 500, "{} loads", world.loads());
}

async fn wait(turns: u64) {
    for _ in 0..=turns {
        yield_now().await;
    }
}

/// Who saw too old a user gets one that was asked for later, and all who saw it share that load.
#[tokio::test]
async fn those_who_saw_an_old_user_share_a_new_load() {
    let world = world();
    world.find(&alice()).await.unwrap();
    let seen = world.cache().get(&alice(), Moment::now(&*world.clock));
    world.change();
    world.hold(true);
    let newer = |_| {
        let world = world.clone();
        tokio::spawn(async move {
            let seen = world.cache().get(&alice(), Moment::now(&*world.clock));
            assert_eq!(seen.as_ref().map(|user| user.version), Some(1));
            yield_now().await;
            world.cache().forget(&alice(), seen.as_ref());
            world.find(&alice()).await
        })
    };
    let all: Vec<_> = (0..50).map(newer).collect();
    settle().await;
    world.town.gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap(), Ok(Some(2)));
    }
    assert_eq!(world.loads(), 2);
    world.cache().forget(&alice(), seen.as_ref());
    assert_eq!((world.find(&alice()).await, world.loads()), (Ok(Some(2)), 2), "who comes late finds it");
}

#[test]
fn a_user_is_dropped_outside_the_lock() {
    struct Nosy(Arc<Mutex<Option<Arc<Cache<Self>>>>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            let cache = self.0.lock().unwrap();
            let cache = cache.as_ref().unwrap();
            assert!(cache.buckets.iter().all(|bucket| bucket.try_lock().is_ok()));
        }
    }
    let cache = Arc::new(Cache::new(&UserCache::new().capacity(1)));
    let back = Arc::new(Mutex::new(Some(Arc::clone(&cache))));
    let (clock, id) = (ManualClock::at(START), alice());
    let keep = || {
        let user = Arc::new(Nosy(Arc::clone(&back)));
        let (hash, since) = (cache.hash(&id), Moment::now(&clock));
        let (answer, follow) = watch::channel(None);
        drop(lock(&cache.buckets[0]).begin(hash, &id, since, follow));
        Leader { cache: &*cache, hash, id: &id, since, answer }.end(Some(user));
    };
    keep();
    cache.invalidate(&id);
    keep();
    cache.clear();
    keep();
    let seen = cache.get(&id, Moment::now(&clock));
    cache.forget(&id, seen.as_ref());
    drop(seen);
    back.lock().unwrap().take();
}
