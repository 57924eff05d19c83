//! Concurrent attempts with equal credentials: judged once, for all of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

/// Judgements under way.
///
/// The first request judges. If its client goes away before the result, the next waiting one does it.
pub(crate) struct Flights<T>(Mutex<HashMap<[u8; 16], Arc<Flight<T>>>>);

/// Locked by the request that judges; contains the result for the others.
type Flight<T> = AsyncMutex<Option<T>>;

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Flights<T> {
    pub(crate) async fn share(&self, key: [u8; 16], judge: impl Future<Output = T>) -> T {
        let seat = Seat { flights: self, key, flight: self.join(key) };
        let mut slot = seat.flight.lock().await;
        if let Some(answer) = &*slot {
            return answer.clone();
        }
        let answer = judge.await;
        *slot = Some(answer.clone());
        // Later requests are judged anew.
        self.land(&key, &seat.flight);
        answer
    }

    fn join(&self, key: [u8; 16]) -> Arc<Flight<T>> {
        Arc::clone(self.lock().entry(key).or_default())
    }
}

impl<T> Flights<T> {
    // No foreign code runs under the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Arc<Flight<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn land(&self, key: &[u8; 16], flight: &Arc<Flight<T>>) {
        if let Entry::Occupied(own) = self.lock().entry(*key)
            && Arc::ptr_eq(own.get(), flight)
        {
            own.remove();
        }
    }
}

/// A request that waits for the result.
struct Seat<'a, T> {
    flights: &'a Flights<T>,
    key: [u8; 16],
    flight: Arc<Flight<T>>,
}

impl<T> Drop for Seat<'_, T> {
    // The last request that goes away without a result cleans up.
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        // Two references: this one and the map's. Others join only under the lock.
        if Arc::strong_count(&self.flight) == 2
            && let Entry::Occupied(own) = flights.entry(self.key)
            && Arc::ptr_eq(own.get(), &self.flight)
        {
            own.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn equal_ones_are_judged_once() {
        let (flights, judged) = (Arc::new(Flights::default()), Arc::new(AtomicU32::new(0)));
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let (flights, judged) = (Arc::clone(&flights), Arc::clone(&judged));
                tokio::spawn(async move {
                    let judge = async {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        judged.fetch_add(1, Ordering::SeqCst)
                    };
                    flights.share([n % 2; 16], judge).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(judged.load(Ordering::SeqCst), 2);
        assert!(flights.lock().is_empty());
        flights.share([0; 16], async { judged.fetch_add(1, Ordering::SeqCst) }).await;
        assert_eq!(judged.load(Ordering::SeqCst), 3, "who comes later is judged anew");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_goes_on_where_one_went_away() {
        let flights = Arc::new(Flights::<u32>::default());
        let first = Arc::clone(&flights);
        let first = tokio::spawn(async move { first.share([1; 16], std::future::pending()).await });
        tokio::task::yield_now().await;
        let second = Arc::clone(&flights);
        let second = tokio::spawn(async move { second.share([1; 16], async { 7 }).await });
        tokio::task::yield_now().await;
        first.abort();
        assert_eq!(second.await.unwrap(), 7);
        let third = Arc::clone(&flights);
        let third = tokio::spawn(async move { third.share([2; 16], std::future::pending()).await });
        tokio::task::yield_now().await;
        third.abort();
        let _ = third.await;
        assert!(flights.lock().is_empty());
    }
}
