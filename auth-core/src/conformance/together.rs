//! Concurrent tasks.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::Barrier;

/// Starts all tasks at the same moment and returns their answers in order. A panic in one is propagated.
pub(super) async fn together<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().collect();
    let start = Arc::new(Barrier::new(tasks.len()));
    let spawn = |task: F| {
        let start = Arc::clone(&start);
        tokio::spawn(async move {
            start.wait().await;
            task.await
        })
    };
    let running: Vec<_> = tasks.into_iter().map(spawn).collect();
    let mut answers = Vec::with_capacity(running.len());
    for task in running {
        answers.push(task.await.unwrap_or_else(|error| resume_unwind(error.into_panic())));
    }
    answers
}
