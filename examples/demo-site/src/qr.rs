//! QR codes.

use qrcode::QrCode;
use qrcode::render::svg;

/// A QR code as an SVG that stands in a page: dark on light, whatever the page is, with the margin that readers need. `None` if
/// the text is longer than a code can say.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let image = code.render::<svg::Color<'_>>().module_dimensions(4, 4).quiet_zone(true).build();
    // In a page there is no place for an XML declaration.
    let start = image.find("<svg")?;
    Some(image[start..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_element_without_styles() {
        let svg = svg("otpauth://totp/Auth%20demo:o%27brien?secret=JBSWY3DPEHPK3PXP").unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
        assert!(!svg.contains("style") && !svg.contains("<script"), "{svg}");
        assert_eq!(super::svg(&"x".repeat(5_000)), None);
    }
}
