//! The chart: instructions above the bare framework, as an SVG picture with its own background.

use std::fmt::Write;

use crate::ask::Ask;
use crate::sites::Site;
use crate::table::{Table, difference, parse};

const WIDTH: i64 = 820;
const LABELS: i64 = 335;
/// The room for the longest bar; its figure stands beside it.
const BARS: i64 = 395;
const GROUP: i64 = 46;
const HEAD: i64 = 96;
const HEADING: i64 = 34;

/// What is compared, on each framework.
const GROUPS: [(&str, &[Site]); 2] = [
    ("axum", &[Site::AxumHand, Site::AxumOurs, Site::AxumLogin, Site::AxumLoginStamp]),
    ("actix-web", &[Site::ActixHand, Site::ActixOurs, Site::ActixIdentity]),
];

/// A kind of request with the colours of its bars: everybody's, and ours.
const ASKS: [(Ask, &str, &str, &str); 2] = [
    (Ask::Anonymous, "anonymous request to a public page", "#a9b4c0", "#8fc7a6"),
    (Ask::Me, "session → user", "#5b6b7c", "#1f7a4d"),
];

/// Draws the chart from the tables of the costs.
///
/// # Errors
/// If a figure is missing.
pub(crate) fn draw(tables: &[Table]) -> Result<String, String> {
    let sites = || GROUPS.iter().flat_map(|(_, sites)| sites.iter().copied());
    let mut longest = 1;
    for (site, (ask, ..)) in sites().flat_map(|site| ASKS.iter().map(move |ask| (site, ask))) {
        longest = longest.max(figure(tables, site, *ask)?);
    }
    let mut body = String::new();
    let mut top = HEAD;
    for (framework, sites) in GROUPS {
        _ = writeln!(body, r#"<text class="heading" x="24" y="{}">{framework}</text>"#, top + 20);
        top += HEADING;
        for site in sites {
            group(&mut body, tables, *site, top, longest)?;
            top += GROUP;
        }
    }
    Ok(frame(&body, top + 20, &description(tables)?))
}

/// The two bars of a site.
fn group(body: &mut String, tables: &[Table], site: Site, top: i64, longest: i64) -> Result<(), String> {
    let label = site.label().replace("**", "");
    let is_ours = site.label().starts_with("**");
    let class = if is_ours { "ours" } else { "label" };
    _ = writeln!(body, r#"<text class="{class}" x="{}" y="{}">{label}</text>"#, LABELS - 10, top + 21);
    for ((ask, _, theirs, ours), y) in ASKS.into_iter().zip([top, top + 18]) {
        let value = figure(tables, site, ask)?;
        // Even a bar for nothing is seen.
        let width = (value * BARS / longest).max(2);
        let colour = if is_ours { ours } else { theirs };
        _ = writeln!(body, r#"<rect x="{LABELS}" y="{y}" width="{width}" height="15" fill="{colour}"/>"#);
        let (x, y) = (LABELS + width + 6, y + 12);
        _ = writeln!(body, r#"<text class="figure" x="{x}" y="{y}">{}</text>"#, difference(value));
    }
    Ok(())
}

fn frame(body: &str, height: i64, description: &str) -> String {
    let mut legend = String::new();
    for ((_, label, theirs, ours), x) in ASKS.into_iter().zip([LABELS, LABELS + 270]) {
        _ = writeln!(legend, r#"<rect x="{x}" y="64" width="11" height="11" fill="{theirs}"/>"#);
        _ = writeln!(legend, r#"<rect x="{}" y="64" width="11" height="11" fill="{ours}"/>"#, x + 13);
        _ = writeln!(legend, r#"<text class="figure" x="{}" y="74">{label}</text>"#, x + 30);
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title description">
<title id="title">Instructions that authentication adds to a request</title>
<desc id="description">{description}</desc>
<style>
text {{ font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #26313d; }}
.title {{ font-size: 18px; font-weight: 600; }}
.heading {{ font-size: 14px; font-weight: 600; }}
.label, .ours {{ text-anchor: end; }}
.ours {{ font-weight: 600; fill: #14613b; }}
.figure {{ font-size: 12px; }}
</style>
<rect x="0.5" y="0.5" width="{}" height="{}" rx="8" fill="#ffffff" stroke="#c9d1d9"/>
<text class="title" x="24" y="36">Instructions that authentication adds to a request</text>
{legend}{body}</svg>
"##,
        WIDTH - 1,
        height - 1,
    )
}

/// The figures in words, for those who do not see the bars.
fn description(tables: &[Table]) -> Result<String, String> {
    let mut text = String::from("Instructions per request above the bare framework; shorter is better.");
    for site in GROUPS.iter().flat_map(|(_, sites)| sites.iter().copied()) {
        let [anonymous, me] = ASKS.map(|(ask, ..)| figure(tables, site, ask));
        let (anonymous, me) = (difference(anonymous?), difference(me?));
        _ = write!(text, " {}: anonymous {anonymous}, session {me}.", site.label().replace("**", ""));
    }
    Ok(text)
}

/// Instructions above the bare framework.
fn figure(tables: &[Table], site: Site, ask: Ask) -> Result<i64, String> {
    let table = tables.iter().find(|table| table.name == ask.name());
    let row = table.and_then(|table| table.rows.iter().find(|row| row[0] == site.label()));
    let value = row.and_then(|row| parse(row.get(2)?));
    value.ok_or_else(|| format!("the results have no {} of {}: run `cost` first", ask.name(), site.name()))
}
