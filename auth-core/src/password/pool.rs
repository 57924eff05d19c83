//! Threads that hash, and the bounded queue before them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use argon2::Block;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ConfigError;
use crate::backend::{BackendError, BackendErrorKind};
use crate::guard::caught;

/// The memory that one thread owns for its hashes.
pub(super) struct Buffer(Vec<Block>);

impl Buffer {
    pub(super) fn new(blocks: usize) -> Self {
        Self(vec![Block::default(); blocks])
    }

    /// Calls `work` with `count` blocks: the thread's own, or for a costlier hash additional ones that are freed
    /// afterwards.
    pub(super) fn with<T>(&mut self, count: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        match self.0.get_mut(..count) {
            Some(own) => work(own),
            None => work(&mut Self::new(count).0),
        }
    }
}

type Work = Box<dyn FnOnce(&mut Buffer) + Send>;

struct Job {
    ticket: Ticket,
    work: Work,
}

/// Whether a job still waits; shared by the waiting client and the thread that takes it.
#[derive(Clone)]
struct Ticket(Arc<AtomicU8>);

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const CANCELLED: u8 = 2;

impl Ticket {
    fn new() -> Self {
        Self(Arc::new(AtomicU8::new(WAITING)))
    }

    fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Acquire) == WAITING
    }

    /// Moves on from waiting; false if something else came first.
    fn become_(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Cancels a waiting job when its client goes away. A job that has started runs to its end on the thread's own
/// memory: a dropped request never frees a slot early.
struct CancelOnDrop(Ticket);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.become_(CANCELLED);
    }
}

/// Jobs that wait for a thread, oldest first.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    max: usize,
}

struct State {
    jobs: VecDeque<Job>,
    /// How many threads wait for a job.
    idle: usize,
    is_closed: bool,
}

impl Queue {
    fn new(max: usize) -> Self {
        let state = State { jobs: VecDeque::new(), idle: 0, is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), max }
    }

    // No foreign code runs under the lock, and each step leaves the state consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job; false if the queue is full. Jobs whose clients went away take no place.
    fn push(&self, job: Job) -> bool {
        let mut state = self.lock();
        let room = self.max + state.idle;
        if state.jobs.len() >= room {
            state.jobs.retain(|job| job.ticket.is_waiting());
        }
        if state.jobs.len() >= room {
            return false;
        }
        state.jobs.push_back(job);
        self.changed.notify_one();
        true
    }

    /// The oldest job, as soon as there is one; `None` when the queue is closed.
    fn pop(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }
}

pub(super) struct HashPool {
    queue: Arc<Queue>,
    wait: Duration,
}

impl Drop for HashPool {
    /// Ends the threads. Nobody can be waiting, since waiting borrows the pool.
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl HashPool {
    pub(super) fn start(
        threads: usize,
        priority: Priority,
        queue: usize,
        wait: Duration,
        blocks: usize,
    ) -> Result<Self, ConfigError> {
        let failed = |error| ConfigError::new(format!("cannot start a hash thread: {error}"));
        // Created first: if a thread cannot be started, dropping this ends those that were.
        let pool = Self { queue: Arc::new(Queue::new(queue)), wait };
        for number in 0..threads {
            let queue = Arc::clone(&pool.queue);
            let (ready, is_ready) = mpsc::channel();
            thread::Builder::new()
                .name(format!("auth-hash-{number}"))
                .spawn(move || {
                    let taken = priority.take();
                    let goes_on = taken.is_ok();
                    let _ = ready.send(taken);
                    if goes_on {
                        serve(&queue, blocks);
                    }
                })
                .map_err(failed)?;
            is_ready.recv().unwrap_or(Ok(())).map_err(failed)?;
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Buffer) -> T + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, mut answer) = oneshot::channel();
        let ticket = Ticket::new();
        let work: Work = Box::new(move |buffer| {
            // Nobody may be waiting any more; the work is done all the same.
            let _ = reply.send(work(buffer));
        });
        let job = Job { ticket: ticket.clone(), work };
        if !self.queue.push(job) {
            return Err(BackendError::of(BackendErrorKind::Overloaded));
        }
        let ticket = CancelOnDrop(ticket);
        let answer = match timeout(self.wait, &mut answer).await {
            Ok(answer) => answer,
            Err(_) if ticket.0.become_(CANCELLED) => {
                return Err(BackendError::of(BackendErrorKind::Overloaded));
            }
            Err(_) => answer.await,
        };
        answer.map_err(|_| BackendError::of(BackendErrorKind::Panicked))
    }
}

/// How much processor time hash threads get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// As much as any other thread.
    Normal,
    /// What other threads leave.
    Low,
}

impl Priority {
    /// The default number of threads.
    pub(super) fn threads(self) -> usize {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let all = self == Self::Low && cfg!(target_os = "linux");
        if all { cores } else { cores.saturating_sub(1).max(1) }
    }

    /// Sets it for the calling thread.
    #[cfg(target_os = "linux")]
    fn take(self) -> io::Result<()> {
        match self {
            Self::Normal => Ok(()),
            // Without a process id: Linux then affects only the calling thread (setpriority(2), "C library/kernel
            // differences").
            Self::Low => Ok(rustix::process::setpriority_process(None, LOWEST)?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as on Linux")]
    fn take(self) -> io::Result<()> {
        Ok(())
    }
}

/// The niceness that yields most to others.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

/// One thread: takes jobs until the pool is dropped.
fn serve(queue: &Queue, blocks: usize) {
    let mut buffer = Buffer::new(blocks);
    while let Some(job) = queue.pop() {
        if job.ticket.become_(STARTED) && caught(|| (job.work)(&mut buffer)).is_err() {
            tracing::error!(target: "auth", "a hash thread caught a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Occupies the pool's only thread until the returned sender is used or dropped.
    async fn occupy(pool: &Arc<HashPool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<bool>) {
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = oneshot::channel();
        let pool = Arc::clone(pool);
        let task = tokio::spawn(async move {
            let work = move |_: &mut Buffer| {
                let _ = started.send(());
                released.recv().is_ok()
            };
            pool.run(work).await.unwrap()
        });
        has_started.await.unwrap();
        (release, task)
    }

    fn pool(queue: usize, wait: Duration) -> Arc<HashPool> {
        Arc::new(HashPool::start(1, Priority::Normal, queue, wait, 8).unwrap())
    }

    #[tokio::test]
    async fn beyond_the_queue_is_overloaded_at_once() {
        let pool = pool(1, MINUTE);
        let (release, first) = occupy(&pool).await;
        let second = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(|_| 2).await }
        });
        // The second now waits in the queue, and a third finds no place.
        tokio::task::yield_now().await;
        let third = pool.run(|_| 3).await.unwrap_err();
        assert_eq!(third.kind(), BackendErrorKind::Overloaded);
        release.send(()).unwrap();
        assert!(first.await.unwrap());
        assert_eq!(second.await.unwrap().unwrap(), 2);
    }

    #[tokio::test]
    async fn waiting_is_bounded_in_time() {
        let pool = pool(8, Duration::from_millis(20));
        let (release, first) = occupy(&pool).await;
        assert_eq!(pool.run(|_| ()).await.unwrap_err().kind(), BackendErrorKind::Overloaded);
        release.send(()).unwrap();
        assert!(first.await.unwrap(), "work that has started is waited for, however long it takes");
    }

    /// The slot of a client that went away is occupied until its work ends.
    #[tokio::test]
    async fn a_dropped_request_frees_no_slot_early() {
        let pool = pool(8, MINUTE);
        let (release, first) = occupy(&pool).await;
        first.abort();
        let (ran, mut has_run) = oneshot::channel();
        let next = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(move |_| ran.send(())).await }
        });
        tokio::task::yield_now().await;
        assert!(has_run.try_recv().is_err(), "the only thread still works for the dropped request");
        release.send(()).unwrap();
        next.await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_dropped_request_that_waited_costs_no_work() {
        let pool = pool(8, MINUTE);
        let (release, first) = occupy(&pool).await;
        let (ran, mut has_run) = oneshot::channel();
        let mut waiting = Box::pin(pool.run(move |_| ran.send(())));
        assert!(futures_poll(&mut waiting).await.is_none());
        drop(waiting);
        release.send(()).unwrap();
        first.await.unwrap();
        pool.run(|_| ()).await.unwrap();
        assert!(has_run.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_takes_no_place() {
        let pool = pool(1, MINUTE);
        let (release, first) = occupy(&pool).await;
        let mut gone = Box::pin(pool.run(|_| 1));
        assert!(futures_poll(&mut gone).await.is_none());
        drop(gone);
        let mut next = Box::pin(pool.run(|_| 2));
        assert!(futures_poll(&mut next).await.is_none(), "it waits in the place of the one that went away");
        release.send(()).unwrap();
        first.await.unwrap();
        assert_eq!(next.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn without_a_queue_idle_threads_still_work() {
        let pool = pool(0, MINUTE);
        // A thread that has just started is not idle yet.
        let served = async {
            while pool.run(|_| ()).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(MINUTE, served).await.unwrap();
    }

    #[tokio::test]
    async fn threads_end_with_their_pool() {
        let pool = pool(1, MINUTE);
        let queue = Arc::downgrade(&pool.queue);
        pool.run(|_| ()).await.unwrap();
        drop(pool);
        let ended = async {
            while queue.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(MINUTE, ended).await.unwrap();
    }

    /// Field 19 of `/proc/…/stat` (proc(5)), counted behind the name, which may hold spaces.
    #[cfg(target_os = "linux")]
    fn niceness(stat: &str) -> i32 {
        let stat = std::fs::read_to_string(stat).unwrap();
        let behind_the_name = stat.rsplit_once(')').unwrap().1;
        behind_the_name.split_ascii_whitespace().nth(19 - 3).unwrap().parse().unwrap()
    }

    /// Its own threads, and no other of the process.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn low_priority_is_the_threads_own() {
        const THREAD: &str = "/proc/thread-self/stat";
        let own = niceness(THREAD);
        let low = HashPool::start(1, Priority::Low, 8, MINUTE, 8).unwrap();
        let normal = HashPool::start(1, Priority::Normal, 8, MINUTE, 8).unwrap();
        assert_eq!(low.run(|_| niceness(THREAD)).await.unwrap(), LOWEST);
        assert_eq!(normal.run(|_| niceness(THREAD)).await.unwrap(), own);
        assert_eq!(niceness(THREAD), own);
    }

    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn a_panic_stays_inside_and_the_thread_lives() {
        let pool = pool(8, MINUTE);
        let error = pool.run(|_| panic!("inside")).await.map(|(): ()| ()).unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::Panicked);
        assert_eq!(pool.run(|_| 1).await.unwrap(), 1);
    }
}
