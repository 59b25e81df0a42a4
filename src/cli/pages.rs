//! Lists that come page by page.

use super::error::CliError;

/// The largest page that the daemon gives.
const LARGEST_PAGE: usize = 1000;

/// Asks for page after page until the list ends or has `limit` items. Gives the items and the token of what is left,
/// empty when nothing is. `fetch` takes the page's size and token.
pub(super) async fn collect<T>(
    limit: Option<usize>,
    mut fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String), CliError>,
) -> Result<(Vec<T>, String), CliError> {
    let mut items = Vec::new();
    let mut token = String::new();
    loop {
        let wanted = limit.map_or(LARGEST_PAGE, |limit| limit - items.len());
        let size = i32::try_from(wanted.min(LARGEST_PAGE)).unwrap_or(i32::MAX);
        let (page, next) = fetch(size, token).await?;
        items.extend(page);
        if next.is_empty() || limit.is_some_and(|limit| items.len() >= limit) {
            return Ok((items, next));
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A list of 2500 numbers, whose tokens are the next number.
    async fn numbers(limit: Option<usize>) -> (Vec<usize>, String, Vec<i32>) {
        let mut sizes = Vec::new();
        let (items, next) = collect(limit, async |size, token: String| {
            sizes.push(size);
            let first: usize = token.parse().unwrap_or(0);
            let end = (first + usize::try_from(size).unwrap()).min(2500);
            let next = if end < 2500 {
                end.to_string()
            } else {
                String::new()
            };
            Ok(((first..end).collect(), next))
        })
        .await
        .unwrap();
        (items, next, sizes)
    }

    #[tokio::test]
    async fn without_a_limit_every_page_is_fetched() {
        let (items, next, sizes) = numbers(None).await;
        assert_eq!(items, (0..2500).collect::<Vec<_>>());
        assert_eq!((next.as_str(), sizes), ("", vec![1000, 1000, 1000]));
    }

    #[tokio::test]
    async fn a_limit_asks_for_no_more_than_it_needs_and_keeps_the_token() {
        let (items, next, sizes) = numbers(Some(1500)).await;
        assert_eq!(items.len(), 1500);
        assert_eq!((next.as_str(), sizes), ("1500", vec![1000, 500]));
    }
}
