//! Names of many countries, in what people there save lists in: those of Western Europe are read, all others are refused.

use super::*;

fn encoded(charset: &'static Encoding, text: &str) -> Vec<u8> {
    charset.encode(text).0.into_owned()
}

#[test]
fn sound_lists_of_western_europe_go_on_working() {
    for names in [
        "Müller, Jürgen\nGroß, Björn\nSchäfer, Jörg\nWeiß, Özlem\nÇelik, Gökçe\nKöln, Düsseldorf",
        "Benoît, Nîmes\nHélène, Besançon\nThérèse, Châlons\nFrançois Lefèvre, Orléans\nAnaïs, Évian\nLoïc, Saint-Étienne\nMaëlle\nÈve",
        "Gaëlle Prêtre\nRenée Forêt\nsœur Zoë\nAgnès\nL'Haÿ-les-Roses\nŒuvres\nPierre Louÿs\nÎle de Ré\nChâtelguyon",
        "Núñez, Íñigo\nIbáñez, José Mª\nMuñoz, Begoña\nCorreos nº 1, 2ª planta\nAgüero, Ángel",
        "João Conceição\nSimões, Luís\nGuimarães, Inês\nMagalhães, Ângela\nÂngelo Câmara\nAntônio\nAssunção\nMaçã",
        "Niccolò, Forlì\nGesù, Cantù\nJosè, Città di Castello\nNicolò Rossi\nMosè",
        "Sørensen, Jørgen\nBjørn Kjær\nÅse Ærø\nTromsø\nBøe\nHøiby\nRødøy\nLæsø",
        "Åström, Märta\nSjögren, Åke\nHämäläinen, Väinö\nYlönen, Päivi\nLinnéa",
        "Þórður Guðmundsson\nSigurður Davíð\nGuðrún Þórsdóttir\nHeiðar\nÝmir Bryndísarson\nÞorbjörg\nAuður\nElliði Ólafsson\nFriðþjófur",
        "Sigurður Müller, Grüße aus Köln",
        "Seán Ó Briain\nSiobhán\nEindhoven, België\nCoördinator, Oekraïne",
        "Benoît",
        "Gültig¹ für alle² in Köln\n¹ bis Mai\n² 1½fach, 20 m², 5 m³, ½l",
        "Þóra",
        "Tõnu Jõgi,Tallinn\nÜlle Põld,Võru\nKõrgemäe,Žanna\nTõnis Õunapuu\nŠveits\nRõõt Mõttus,Jõhvi\nLõhmus",
        "Õnne",
        "Head ööd. Öö oli pime, ja õhtul sõitis Jüri põhja poole; ta rõõmustas: \"Võta või!\"\nMõis",
        "Simões, Tõnu",
        "Paciência\nFlorêncio\nCiências\nexperiência de bêbado\nirmãzinha\nÂngela",
        "Bûche de Noël\nBûcheron",
        "Œcuménique\nPhœnix\nfœtus\ncœlacanthe\nLœtitia",
        "juletræ, æbletræ og knæ\nisbræ",
        "Arrivò, provò, pagò e passò\nCatalunya: això",
        "þýðing, lýðveldi, hlýða\nÞýðandi",
        "Siân",
        "Tiranë, Durrës\njavë",
        "Profª Begoña",
        "MÜLLER, GÜNTHER\nÉLÉONORE LEFÈVRE\nGUÐMUNDSSON",
    ] {
        let octets = encoded(WINDOWS_1252, names);
        assert_eq!(read(&octets), ("Windows-1252", names.to_owned()));
    }
}

#[test]
fn lists_of_others_are_refused_and_shown_as_they_would_be_read() {
    use encoding_rs::{BIG5, EUC_JP, EUC_KR, GBK, ISO_8859_2, WINDOWS_1250, WINDOWS_1254, WINDOWS_1257};
    for (charset, names, name, shown) in [
        (WINDOWS_1254, "Şükrü,İzmir\nAyşe,Muğla\nYıldız,Diyarbakır", "windows-1254", "Şükrü"),
        (WINDOWS_1254, "Yılmaz\nAydın", "windows-1254", "Yılmaz"),
        (WINDOWS_1254, "ŞÜKRÜ DOĞAN\nİZMİR", "windows-1254", "DOĞAN"),
        (WINDOWS_1250, "Ştefan,Bucureşti\nIonuţ,Timişoara", "windows-1250", "Ştefan"),
        (WINDOWS_1250, "Mihăilă\nCrăciun", "windows-1250", "Mihăilă"),
        (WINDOWS_1250, "Győző,Győr\nGergő,Pécs", "windows-1250", "Győző"),
        (WINDOWS_1250, "Kőszegi\nSzőke\nErdős\nJenő", "windows-1250", "Kőszegi"),
        (WINDOWS_1250, "Őri\nKőrösi\nBőhm", "windows-1250", "Őri"),
        (WINDOWS_1250, "A vevő időben fizet, a nők és a férfiak főleg este jönnek.", "windows-1250", "vevő"),
        (WINDOWS_1250, "śmierć, iść\nćwierć", "windows-1250", "śmierć"),
        (WINDOWS_1254, "aydınlığı, karışığı", "windows-1254", "aydınlığı"),
        (WINDOWS_1257, "Daunoravė\nStasytė", "windows-1257", "Daunoravė"),
        (WINDOWS_1250, "Szűcs\nMüller", "windows-1250", "Szűcs"),
        (WINDOWS_1250, "Dvořák\nKučera\nJiří\nNěmec", "windows-1250", "Dvořák"),
        (WINDOWS_1250, "Paweł\nMüller", "windows-1250", "Paweł"),
        (WINDOWS_1250, "Łódź", "windows-1250", "Łódź"),
        (WINDOWS_1250, "Kamiński\nWójcik\nDębski", "windows-1250", "Kamiński"),
        (WINDOWS_1250, "Ľubomír Kovaľ", "windows-1250", "Ľubomír"),
        (WINDOWS_1250, "Đoković\nKovač", "windows-1250", "Đoković"),
        (ISO_8859_2, "Łódź\nWałęsa\nŚwiątek", "iso-8859-2", "Łódź"),
        (WINDOWS_1257, "Jānis,Rīga\nLīga,Jūrmala", "windows-1257", "Jānis"),
        (WINDOWS_1257, "Bērziņš\nKalniņš", "windows-1257", "Bērziņš"),
        (WINDOWS_1257, "Kazlauskienė\nŠarūnas", "windows-1257", "Kazlauskienė"),
        (EUC_JP, "山田,東京", "euc-jp", "山田"),
        (EUC_JP, "鈴木一郎,横浜", "euc-jp", "鈴木一郎"),
        (EUC_KR, "김민수,서울", "euc-kr", "김민수"),
        (GBK, "王小明,北京", "gbk", "王小明"),
        (BIG5, "王小明,臺北", "big5", "王小明"),
    ] {
        let octets = encoded(charset, &["email,name\n", names].concat());
        let why = refused(&octets);
        let said = why.to_string();
        assert!(said.contains("encoding"), "{said}");
        let mut reading = why.readings.iter().flat_map(|reading| &reading.words);
        let is_shown = reading.any(|(charset, word)| charset.name().eq_ignore_ascii_case(name) && word == shown);
        assert!(is_shown, "{names}: {said}");
        assert!(said.contains("\n  line 2: ") && said.contains(" in windows-1252, "), "{said}");
    }
}

#[test]
fn a_few_odd_cells_in_a_long_list_of_others_are_seen() {
    let mut octets = b"email,city\n".to_vec();
    for i in 0..400 {
        octets.extend_from_slice(format!("a{i}@b.example,Berlin\n").as_bytes());
    }
    octets.extend_from_slice(&encoded(WINDOWS_1252, "k@b.example,Köln\nm@b.example,München\n"));
    assert_eq!(read(&octets).0, "Windows-1252");
    octets.extend_from_slice(&encoded(encoding_rs::WINDOWS_1250, "l@b.example,Łódź\n"));
    let why = refused(&octets);
    assert_eq!(why.readings.iter().map(|reading| reading.line).collect::<Vec<_>>(), [404]);
}
