//! What the text part says of addresses, lists and pictures.

use super::*;

#[test]
fn an_address_says_in_the_text_what_it_says_in_its_attribute() {
    let query = "?price=1&currency=EUR&region=eu&section=2&copy=3";
    let page = format!("<a href=\"https://a.example/{query}\">Shop</a> <img src=x alt=\"a&section=1 &copy 2 &lt;\">");
    assert_eq!(text_of(&page), format!("Shop <https://a.example/{query}> [a&section=1 \u{a9} 2 <]\n"));
    let mjml = format!(
        "<mjml><mj-body><mj-section><mj-column><mj-button href=\"https://a.example/{query}\">Shop</mj-button>\
         </mj-column></mj-section></mj-body></mjml>"
    );
    let wanted = Treatment { text: true, ..utm() };
    for (file, page) in [("w.html", page), ("w.mjml", mjml)] {
        let text = treated_as(file, &page, &wanted).text.unwrap().text;
        assert!(text.contains(&format!("<https://a.example/{query}&utm_source=news%20letter&utm_")), "{text}");
    }
}
