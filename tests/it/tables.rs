//! Tables as people have them: what is a header, which columns are axes, how rows are split, where a file is.

use crate::common::{
    csv, gdiff, in_repository, message, run, said, same_tables, spec, stand_in, succeeded, text,
};
use gdiff::data::table::{
    ColumnChoice, DataTable, Delimiter, MissingRows, TableError, TableOptions, axis_names, decode,
    file_bytes, read,
};
use ndarray::{Array1, Array2, ShapeBuilder, array};
use ndarray_npy::{NpzWriter, WriteNpyExt};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::tempdir;

/// A file of `tests/cases`.
fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn table(text: &str) -> Result<DataTable, TableError> {
    decode(text.as_bytes(), &TableOptions::default())
}

/// A table of the repository, read without a word about how.
fn usual(name: &str) -> DataTable {
    read(&case(name), &TableOptions::default()).unwrap()
}

/// Lines of `n` points that are not whole numbers.
fn points(n: usize) -> String {
    (0..n).map(|i| format!("{}.5,{}.25\n", i % 7, (i * i) % 11)).collect()
}

#[test]
fn a_header_of_numbers_is_known_by_the_rows_beneath() {
    let years = usual("year_big.csv");
    assert_eq!(
        (years.points.dim(), years.names.as_slice()),
        ((2000, 2), ["2020", "2021"].map(String::from).as_slice())
    );
    assert!(years.notices[0].contains("`2020, 2021`") && years.notices[0].contains("`header = false`"));
    let zero_up = table(&format!("0,1\n{}", points(9))).unwrap();
    assert_eq!((zero_up.points.nrows(), zero_up.notices.len()), (9, 1));
    // Whole numbers among whole numbers of their range are a point, and what they could be is told.
    let counts = table("0,1\n3,4\n2,7\n0,5\n1,1\n3,0\n2,2\n4,1\n5,0\n").unwrap();
    assert_eq!((counts.points.nrows(), counts.notices.len()), (9, 1));
    assert!(counts.notices[0].contains("`header = true`"), "{:?}", counts.notices);
    // Words leave no doubt, and neither do numbers that are not whole.
    for (text, rows) in [(format!("x,y\n{}", points(9)), 9), (points(9), 9)] {
        let found = table(&text).unwrap();
        assert_eq!((found.points.nrows(), found.notices), (rows, Vec::<String>::new()));
    }
}

#[test]
fn a_table_whose_header_was_once_read_as_a_point_is_another_experiment() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("years.csv"), format!("2020,2021\n{}", points(80))).unwrap();
    let spec = |more: &str| {
        let text = small(folder.path().join("years.csv").to_str().unwrap())
            .replace("[diffusion]", &format!("{more}[diffusion]"));
        gdiff::spec::read_text("spec", &text, &[]).unwrap()
    };
    let line = |study: &gdiff::spec::Study| study.canonical().get("table.header").cloned();
    assert_eq!(line(&spec("")), Some("\"numbers\"".to_string()));
    // What is said is a setting like any other.
    assert_eq!(line(&spec("header = true\n")), None);
    let again = gdiff::spec::read_text("resolved", &spec("").to_toml().unwrap(), &[]).unwrap();
    assert_eq!(again.canonical(), spec("").canonical());
}

#[test]
fn what_the_user_says_of_the_header_holds() {
    let bytes = std::fs::read(case("year_big.csv")).unwrap();
    let rows = |header| {
        let found = decode(&bytes, &TableOptions { header: Some(header), ..Default::default() }).unwrap();
        assert!(found.notices.is_empty());
        (found.points.nrows(), found.points[[0, 0]])
    };
    assert_eq!(rows(false), (2001, 2020.0));
    assert_eq!(rows(true), (2000, 0.1257302210933933));
}

#[test]
fn missing_values_are_refused_with_line_and_column_even_in_the_first_line() {
    for (text, at) in [
        ("NA,NA\n1,2\n3,4\n", (1, 1)),
        ("x,y\n1,2\n3,\n", (3, 2)),
        ("x,y\n1,nan\n3,4\n", (2, 2)),
        ("x;y\n1;NULL\n", (2, 2)),
    ] {
        let error = table(text).unwrap_err();
        assert!(matches!(error, TableError::Missing { line, column, .. } if (line, column) == at), "{error}");
    }
    // A typing error in the first point does not make a header of it.
    let error = table(&format!("1.5,2.o\n{}", points(9))).unwrap_err();
    assert!(matches!(error, TableError::NotANumber { line: 1, column: 2, .. }), "{error}");
    assert!(error.to_string().contains("`header = true`"));
    let error = table("x;y\n1;2,5\n").unwrap_err();
    assert!(error.to_string().contains("decimal comma"), "{error}");
}

#[test]
fn lines_are_counted_as_an_editor_does_whatever_ends_them_and_whatever_is_passed_over() {
    for (text, at) in [
        ("x,y\n1,2\n3,b\n", 3),
        ("x,y\n\n# a note\n1,2\n\n\n# another\n3,b\n", 8),
        ("# a note\nx y\n1 2\n\n3 b\n", 5),
        ("x,y\n\"1\",2\n\"\n 3\",4\n5,b", 5),
        ("x,y\n1,2\n3,b", 3),
    ] {
        for end in ["\n", "\r\n"] {
            let text = text.replace('\n', end);
            let error = table(&text).unwrap_err();
            assert!(
                matches!(error, TableError::NotANumber { line, column: 2, .. } if line == at),
                "{text:?}: {error}"
            );
            let text = text.replace(",b", "");
            // A space is taken for what separates only where all lines have it.
            if text.contains(" b") {
                continue;
            }
            let error = table(&text).unwrap_err();
            assert!(
                matches!(error, TableError::Ragged { line, cells: 1, expected: 2, .. } if line == at),
                "{text:?}: {error}"
            );
        }
    }
    let error = table("x,y\r1,2\r\r3,b\r").unwrap_err();
    assert!(matches!(error, TableError::NotANumber { line: 4, column: 2, .. }), "{error}");
}

#[test]
fn rows_that_miss_a_value_can_be_left_out_and_are_named() {
    let leave_out = TableOptions { missing: MissingRows::LeaveOut, ..Default::default() };
    let found = decode(b"x,y\n1,2\n3,\n,nan\n5,6\n", &leave_out).unwrap();
    assert_eq!(found.points, array![[1.0, 2.0], [5.0, 6.0]]);
    let notices = found.notices.join("; ");
    assert!(notices.contains("2 of 4 rows are left out") && notices.contains("lines 3, 4"), "{notices}");
    // What is there and no finite number stays an error, also in a row that misses another value.
    for (text, at) in [("x,y\n1,2\n3,inf\n", (3, 2)), ("x,y\n1,\ntwo,\n", (3, 1))] {
        let message = decode(text.as_bytes(), &leave_out).unwrap_err().to_string();
        assert!(message.contains(&format!("line {}, column {}", at.0, at.1)), "{message}");
    }
    let message = decode(b"x,y\n1,\n,2\n", &leave_out).unwrap_err().to_string();
    assert!(message.contains("each of its 2 rows"), "{message}");
    // Columns that are not chosen may miss what they will.
    let columns = Some(vec!["x".parse().unwrap()]);
    let found = decode(b"x,y\n1,\n,2\n3,\n", &TableOptions { columns, ..leave_out.clone() }).unwrap();
    assert_eq!(found.points, array![[1.0], [3.0]]);
    // Of many rows some are named.
    let text = (0..40).map(|i| format!("{i},{}\n", if i % 2 == 0 { "1" } else { "NA" })).collect::<String>();
    let notices = decode(text.as_bytes(), &leave_out).unwrap().notices.join("; ");
    assert!(notices.contains("lines 2, 4,") && notices.contains("and 10 more"), "{notices}");
    // An array has rows in place of lines.
    let mut bytes = Vec::new();
    array![[1.0, f64::NAN], [3.0, 4.0]].write_npy(&mut bytes).unwrap();
    let found = decode(&bytes, &leave_out).unwrap();
    assert_eq!(found.points, array![[3.0, 4.0]]);
    assert!(
        found.notices[0].contains("1 of 2 rows") && found.notices[0].contains("(row 0)"),
        "{:?}",
        found.notices
    );
    assert!(decode(&bytes, &TableOptions::default()).is_err());
}

#[test]
fn delimiters_are_found_and_can_be_given() {
    let expected = array![[1.0, 2.5], [3.0, -4e-2]];
    for text in [
        "x,y\n1,2.5\n3,-4e-2\n",
        "x\ty\n1\t2.5\n3\t-4e-2\n",
        "x;y\n1;2.5\n3;-4e-2\n",
        "x y\n 1   2.5\n3 \t-4e-2 \n",
        "\u{feff}x,y\r\n1,2.5\r\n3,-4e-2\r\n",
        "\"x\",\"y\"\n1,2.5\n3,-4e-2",
    ] {
        let found = table(text).unwrap();
        assert_eq!(
            (found.points, found.names),
            (expected.clone(), vec!["x".to_string(), "y".into()]),
            "{text:?}"
        );
    }
    // One column, whose name has a space; and a delimiter that nobody would guess.
    assert_eq!(table("wing length\n1\n2\n").unwrap().names, ["wing length"]);
    let options = TableOptions { delimiter: Some("|".parse().unwrap()), ..Default::default() };
    assert_eq!(decode(b"x|y\n1|2.5\n3|-4e-2\n", &options).unwrap().points, expected);
    for (word, delimiter) in [("tab", Delimiter::TAB), (";", Delimiter::SEMICOLON), (" ", Delimiter::SPACE)] {
        assert_eq!(word.parse(), Ok(delimiter));
    }
    assert!("ab".parse::<Delimiter>().is_err() && "1".parse::<Delimiter>().is_err());
}

#[test]
fn columns_are_chosen_by_name_or_number_and_the_others_may_hold_anything() {
    let text = "name,x,y\nfirst,1,2\nsecond,3,4\n";
    let choose = |columns: &[&str]| {
        let columns = columns.iter().map(|c| c.parse().unwrap()).collect();
        decode(text.as_bytes(), &TableOptions { columns: Some(columns), ..Default::default() })
    };
    assert!(table(text).unwrap_err().to_string().contains("`columns`"));
    assert_eq!(choose(&["x", "y"]).unwrap().points, array![[1.0, 2.0], [3.0, 4.0]]);
    let swapped = choose(&["2", "x"]).unwrap();
    assert_eq!(
        (swapped.points, swapped.names),
        (array![[2.0, 1.0], [4.0, 3.0]], vec!["y".to_string(), "x".into()])
    );
    for (columns, words) in
        [(vec!["z"], "0 `name`, 1 `x`, 2 `y`"), (vec!["7"], "no column"), (vec!["x", "1"], "twice")]
    {
        let error = choose(&columns).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(matches!(choose(&["name"]).unwrap_err(), TableError::NotANumber { line: 2, column: 1, .. }));
    assert_eq!("3".parse(), Ok(ColumnChoice::Place(3)));
}

#[test]
fn an_index_column_is_told_of() {
    let found = usual("pandas_index.csv");
    assert_eq!(found.points.ncols(), 3);
    assert_eq!(found.notices.len(), 1);
    assert!(found.notices[0].contains("no name") && found.notices[0].contains("`columns`"));
    let named = table("id,x\n1,0.5\n2,0.25\n3,1.5\n").unwrap();
    assert!(named.notices[0].contains("`id` counts the rows from 1"), "{:?}", named.notices);
    let columns = Some(vec![ColumnChoice::Name("x".into()), ColumnChoice::Name("y".into())]);
    let chosen = read(&case("pandas_index.csv"), &TableOptions { columns, ..Default::default() }).unwrap();
    assert_eq!((chosen.points, chosen.notices), (usual("clean.csv").points, Vec::new()));
}

/// The bytes of an array.
fn npy<T: ndarray_npy::WritableElement>(array: &Array2<T>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_real_type_of_numpy_is_read_in_either_order() {
    let expected = Array2::from_shape_fn((9, 2), |(i, j)| ((3 * i + j) % 5) as f64);
    let is = |bytes: &[u8]| {
        assert_eq!(decode(bytes, &TableOptions::default()).unwrap().points, expected);
    };
    macro_rules! each { ($($t:ty),*) => { $(is(&npy(&expected.mapv(|v| v as $t)));)* } }
    each!(f64, f32, i64, i32, i16, i8, u64, u32, u16, u8);
    let mut by_columns = Array2::<i16>::zeros((9, 2).f());
    by_columns.assign(&expected.mapv(|v| v as i16));
    is(&npy(&by_columns));
    let bools = decode(&npy(&expected.mapv(|v| v > 2.0)), &TableOptions::default()).unwrap();
    assert_eq!(bools.points, expected.mapv(|v| f64::from(v > 2.0)));
    // Big-endian, and half precision: 1.5 is 0x3e00, -2 is 0xc000.
    let with = |descr: &str, data: &[u8]| {
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}");
        header += &" ".repeat(117 - header.len());
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(118_u16.to_le_bytes());
        bytes.extend(format!("{header}\n").bytes());
        bytes.extend(data);
        decode(&bytes, &TableOptions::default())
    };
    assert_eq!(with(">i2", &[1, 2, 255, 255]).unwrap().points, array![[258.0], [-1.0]]);
    assert_eq!(with("<f2", &[0, 0x3e, 0, 0xc0]).unwrap().points, array![[1.5], [-2.0]]);
    assert_eq!(with("<f2", &[0, 0x3e]).unwrap_err().to_string().matches("2 bytes follow").count(), 1);
    assert!(with("<c8", &[0; 16]).unwrap_err().to_string().contains("`<c8`"));
    for (name, first) in [("i8.npy", (40, 3)), ("u1.npy", (40, 3)), ("f16.npy", (40, 3))] {
        assert_eq!(usual(name).points.dim(), first, "{name}");
    }
}

#[test]
fn an_archive_of_one_array_is_read_and_one_of_several_is_refused_with_their_names() {
    let folder = tempdir().unwrap();
    let x = array![[1.0, 2.0], [3.0, 4.0]];
    let archive = |name: &str, arrays: &[&str]| {
        let path = folder.path().join(name);
        let mut writer = NpzWriter::new_compressed(std::fs::File::create(&path).unwrap());
        for (i, array) in arrays.iter().enumerate() {
            writer.add_array(*array, &(&x + i as f64)).unwrap();
        }
        writer.finish().unwrap();
        read(&path, &TableOptions::default())
    };
    assert_eq!(archive("one.npz", &["points"]).unwrap().points, x);
    assert_eq!(archive("named.npz", &["labels", "x"]).unwrap().points, &x + 1.0);
    assert_eq!(archive("usual.npz", &["arr_0", "arr_1"]).unwrap().points, x);
    let error = archive("several.npz", &["train", "test"]).unwrap_err().to_string();
    assert!(error.contains("`test`, `train`"), "{error}");
}

#[test]
fn the_same_points_are_read_from_text_tabs_and_gzip() {
    let clean = usual("clean.csv");
    assert_eq!(clean.names, ["x", "y"]);
    for name in ["tab.tsv", "clean.csv.gz"] {
        assert_eq!(usual(name), clean, "{name}");
        let output =
            gdiff(Path::new(".")).arg("metrics").arg(case("clean.csv")).arg(case(name)).output().unwrap();
        assert!(succeeded(&output).contains("precision       1.0000"));
    }
    for bytes in [b"\xff\xfe1\x00,\x002\x00".as_slice(), b"x,y\n\x80\x81,3\n"] {
        assert!(decode(bytes, &TableOptions::default()).unwrap_err().to_string().contains("UTF-8"));
    }
}

#[test]
fn what_can_be_read_once_only_is_read_once() {
    let folder = tempdir().unwrap();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("gdiff"))
        .args(["metrics", "/dev/stdin", "/dev/stdin"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(case("clean.csv")).unwrap()).unwrap();
    assert!(succeeded(&child.wait_with_output().unwrap()).contains("recall          1.0000"));
    // A run reads it, its figures read it again, and the spec in the folder knows its digest.
    spec(folder.path(), &small("/dev/stdin"));
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("gdiff"))
        .args(["run", "spec.toml", "--out", "out", "--plot", "--quiet"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(points(80).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    assert!(!message(&output).contains("cannot be read"), "{}", message(&output));
    assert!(file_bytes(Path::new("/dev/null")).unwrap().is_empty());
}

/// A tiny spec of a table.
fn small(path: &str) -> String {
    format!(
        "name = \"table\"\npipelines = [\"baseline\"]\n[data]\nkind = \"table\"\npath = \"{path}\"\n\
         scale = \"standardize\"\n[diffusion]\nsteps = 8\n[network]\nhidden = [6]\n[train]\niterations = 10\nbatch_size = 8\n\
         [sample]\ncount = 20\n[metrics]\nevery = 100\nk = 2\nreference = 20\n"
    )
}

#[test]
fn columns_keep_their_names_in_every_table_that_is_written() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("t.csv"), format!("east,north\n{}", points(80))).unwrap();
    spec(folder.path(), &small("t.csv"));
    succeeded(&run(
        folder.path(),
        &["run", "spec.toml", "--out", "out", "--quiet", "--set", "metrics.points=true"],
    ));
    let run_file = |name: &str| csv(at("out/runs/baseline-r0").join(name)).0;
    assert_eq!(run_file("samples.csv"), ["east", "north"]);
    assert_eq!(run_file("points.csv"), ["kind", "radius", "spheres", "east", "north"]);
    assert!(succeeded(&run(folder.path(), &["data", "spec.toml"])).starts_with("east,north\n"));
    assert!(
        succeeded(&run(folder.path(), &["data", "spec.toml", "--set", "data.columns=[1]"]))
            .starts_with("north\n")
    );
    succeeded(&run(folder.path(), &["gaussianize", "fit", "t.csv", "--out", "map", "--layers", "1"]));
    succeeded(&run(folder.path(), &["gaussianize", "apply", "map", "t.csv", "--out", "z.csv"]));
    succeeded(&run(folder.path(), &["gaussianize", "invert", "map", "z.csv", "--out", "back.csv"]));
    succeeded(&run(folder.path(), &["gaussianize", "sample", "map", "--count", "9", "--out", "new.csv"]));
    for name in ["z.csv", "back.csv", "new.csv"] {
        assert_eq!(csv(at(name)).0, ["east", "north"], "{name}");
    }
    // Figures read samples.csv whatever its header says.
    std::fs::write(at("years.csv"), format!("2020,2021\n{}", points(80))).unwrap();
    let years = ["run", "spec.toml", "--out", "years", "--quiet", "--plot", "--set", "data.path=years.csv"];
    succeeded(&run(folder.path(), &years));
    assert_eq!(csv(at("years/runs/baseline-r0/samples.csv")).0, ["2020", "2021"]);
    assert_eq!(axis_names(2), ["x0", "x1"]);
}

#[test]
fn metrics_take_the_columns_of_both_tables_by_their_names() {
    let folder = tempdir().unwrap();
    let swapped: String = text(case("clean.csv"))
        .lines()
        .map(|line| line.split_once(',').map(|(x, y)| format!("{y},{x}\n")).unwrap())
        .collect();
    std::fs::write(folder.path().join("swapped.csv"), swapped).unwrap();
    let output = run(folder.path(), &["metrics", case("clean.csv").to_str().unwrap(), "swapped.csv"]);
    assert!(succeeded(&output).contains("sliced W2       0.0000"), "{}", said(&output));
    assert!(message(&output).contains("in the order of the real table's axes: x, y"), "{}", message(&output));
}

#[test]
fn flags_say_how_a_table_is_read() {
    let folder = tempdir().unwrap();
    let index = case("pandas_index.csv");
    let index = index.to_str().unwrap();
    let told = run(folder.path(), &["metrics", index, index]);
    assert!(message(&told).contains("gdiff: note:") && message(&told).contains("counts the rows"));
    let chosen = run(folder.path(), &["metrics", index, index, "--columns", "x,y"]);
    assert_eq!(message(&chosen), "");
    let same = run(
        folder.path(),
        &[
            "gaussianize",
            "fit",
            index,
            "--columns",
            "x,y",
            "--out",
            "map",
            "--header",
            "true",
            "--delimiter",
            ",",
        ],
    );
    succeeded(&same);
    let refused = run(folder.path(), &["metrics", index, index, "--header", "false"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn how_rows_are_split_is_said_and_can_be_chosen() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), points(80)).unwrap();
    spec(folder.path(), &small("t.csv"));
    let checked = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    let words =
        "of the 80 rows of t.csv 40 train the network, 20 are kept aside as reference points and 20 as fresh";
    assert!(checked.contains(words), "{checked}");
    let ran = run(folder.path(), &["run", "spec.toml", "--out", "out", "--json"]);
    assert!(said(&ran).contains(words), "{}", said(&ran));
    let fifth = ["check", "spec.toml", "--set", "data.test_fraction=0.2", "--set", "data.samples=50"];
    let checked = succeeded(&run(folder.path(), &fifth));
    assert!(
        checked.contains("50 train the network, 8 are kept aside as reference points and 8 as fresh"),
        "{checked}"
    );
    assert!(checked.contains("14 are not used"), "{checked}");
    for fraction in ["0", "1", "0.01"] {
        let output =
            run(folder.path(), &["check", "spec.toml", "--set", &format!("data.test_fraction={fraction}")]);
        assert_eq!(output.status.code(), Some(2), "{fraction}");
        assert!(message(&output).contains("data.test_fraction"), "{}", message(&output));
    }
}

#[test]
fn a_path_begins_in_the_folder_of_its_spec() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("specs/data")).unwrap();
    std::fs::create_dir_all(at("elsewhere")).unwrap();
    std::fs::write(at("specs/data/t.csv"), points(80)).unwrap();
    spec(&at("specs"), &small("data/t.csv"));
    let elsewhere = at("elsewhere");
    let run = |arguments: &[&str]| run(&elsewhere, arguments);
    succeeded(&run(&["run", "../specs/spec.toml", "--out", "out", "--quiet"]));
    succeeded(&run(&["sweep", "plan", "../specs/spec.toml", "--out", "planned"]));
    succeeded(&run(&["sweep", "exec", "planned", "--index", "0"]));
    succeeded(&run(&["sweep", "collect", "planned"]));
    same_tables(&elsewhere.join("out"), &elsewhere.join("planned"));
    // The spec in the folder finds its table, whoever reads it and from wherever.
    std::fs::rename(elsewhere.join("out"), at("moved")).unwrap();
    for place in [at("moved"), elsewhere.join("planned")] {
        let folder = place.to_str().unwrap();
        let own = place.join("spec.toml");
        let again = succeeded(&run(&["run", own.to_str().unwrap(), "--out", folder]));
        assert!(again.contains("is finished already"), "{again}");
        succeeded(&run(&["check", own.to_str().unwrap()]));
        assert!(succeeded(&run(&["ls", folder])).contains("done"));
        let plotted = run(&["plot", folder]);
        assert!(
            succeeded(&plotted).contains("clouds") && !message(&plotted).contains("no point can be drawn")
        );
    }
    // A path of the command line begins here; one that is only here is taken, with a notice.
    std::fs::write(elsewhere.join("here.csv"), points(90)).unwrap();
    let set = run(&["check", "../specs/spec.toml", "--set", "data.path=here.csv"]);
    assert!(succeeded(&set).contains("the 90 rows of here.csv"), "{}", said(&set));
    spec(&at("specs"), &small("here.csv"));
    let old = run(&["check", "../specs/spec.toml"]);
    assert!(
        succeeded(&old).contains("the file of that name in the current folder is taken"),
        "{}",
        said(&old)
    );
    spec(&at("specs"), &small("nowhere.csv"));
    let none = run(&["check", "../specs/spec.toml"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(message(&none).contains("../specs/nowhere.csv"), "{}", message(&none));
}

#[test]
fn a_study_that_is_moved_with_its_table_is_the_same_study() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("before/data")).unwrap();
    std::fs::write(at("before/data/t.csv"), points(80)).unwrap();
    spec(&at("before"), &small("data/t.csv"));
    succeeded(&run(&at("before"), &["run", "spec.toml", "--out", "results/out", "--quiet"]));
    let first = run(&at("before"), &["sample", "results/out/runs/baseline-r0"]).stdout;
    std::fs::rename(at("before"), at("after")).unwrap();
    let after = at("after");
    let again = run(&after, &["run", "spec.toml", "--out", "results/out"]);
    assert!(succeeded(&again).contains("is finished already"), "{}", said(&again));
    succeeded(&run(&after, &["verify", "results/out"]));
    let sampled = run(&after, &["sample", "results/out/runs/baseline-r0"]);
    assert_eq!((succeeded(&sampled).into_bytes(), first.is_empty()), (first, false));
    let checked = run(&after, &["check", "results/out/spec.toml"]);
    assert!(succeeded(&checked).contains("which is no longer there"), "{}", said(&checked));
    // Another file of that name is not taken for it, and without one nothing is called damaged or to be removed.
    let words = "not the file that this spec was made for";
    std::fs::write(after.join("data/t.csv"), points(81)).unwrap();
    for then in [words, "cannot be read"] {
        for arguments in [
            &["verify", "results/out"][..],
            &["sample", "results/out/runs/baseline-r0"],
            &["check", "results/out/spec.toml"],
        ] {
            let output = run(&after, arguments);
            let said = message(&output);
            assert!(output.status.code() != Some(0) && said.contains(then), "{arguments:?}: {said}");
            assert!(!said.contains("remove this file") && !said.contains("files are not what"), "{said}");
        }
        let _ = std::fs::remove_file(after.join("data/t.csv"));
    }
}

#[test]
fn a_sweep_over_tables_runs_collects_and_reads_its_own_spec() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("specs")).unwrap();
    std::fs::write(at("specs/a.csv"), points(80)).unwrap();
    std::fs::write(at("specs/b.csv"), points(200)).unwrap();
    let without = small("a.csv").replace("path = \"a.csv\"\n", "");
    let swept =
        format!("{without}[sweep]\n\"data.path\" = [\"a.csv\", \"b.csv\"]\n\"sample.count\" = [20, 30]\n");
    spec(&at("specs"), &swept);
    let run = |arguments: &[&str]| run(folder.path(), arguments);
    succeeded(&run(&["run", "specs/spec.toml", "--out", "out", "--quiet"]));
    let (header, rows) = csv(at("out/metrics.csv"));
    let column = header.iter().position(|name| name == "data.path").unwrap();
    let mut shown: Vec<&str> = rows.iter().map(|row| row[column].as_str()).collect();
    shown.dedup();
    assert_eq!(shown, ["a.csv", "b.csv"]);
    succeeded(&run(&["sweep", "plan", "specs/spec.toml", "--out", "planned"]));
    succeeded(&run(&["sweep", "exec", "planned", "--index", "0", "--count", "4"]));
    succeeded(&run(&["sweep", "collect", "planned"]));
    same_tables(&at("out"), &at("planned"));
    for place in ["out", "planned"] {
        let own = format!("{place}/spec.toml");
        let again = succeeded(&run(&["run", &own, "--out", place]));
        assert!(again.contains("is finished already"), "{again}");
    }
    succeeded(&run(&["run", "out/spec.toml", "--out", "copy", "--quiet"]));
    same_tables(&at("out"), &at("copy"));
    assert_eq!(text(at("out/spec.toml")), text(at("copy/spec.toml")));
}

#[test]
fn settings_without_effect_are_told_of_and_refused_in_a_sweep() {
    let folder = tempdir().unwrap();
    spec(folder.path(), crate::common::TINY);
    let cases: &[(&str, &str, &[&str])] = &[
        ("sample.eta", "0.5", &[]),
        ("sample.spacing", "\"leading\"", &[]),
        ("sample.epsilon_scale", "0.9", &["pipelines=[\"exact\"]"]),
        ("diffusion.variance", "\"fixed_large\"", &["sample.sampler=\"ddim\""]),
        ("diffusion.beta_start", "2e-4", &["diffusion.schedule=\"cosine\""]),
        ("diffusion.beta_end", "0.03", &["diffusion.schedule=\"cosine\""]),
        ("diffusion.rescale", "false", &["diffusion.schedule=\"cosine\""]),
        ("gaussianize.bandwidth", "\"scott\"", &[]),
        ("gaussianize.tails", "\"kernel\"", &[]),
        ("gaussianize.contrast", "\"exp\"", &[]),
        ("gaussianize.pair_factor", "0.5", &["gaussianize.coupling=\"marginal\""]),
        ("gaussianize.patience", "4", &["gaussianize.held_out=0.0"]),
        ("train.momentum", "0.5", &[]),
        ("train.beta1", "0.8", &["train.optimizer=\"sgd\""]),
        ("train.isotropy.form", "\"per_sample\"", &["train.isotropy.lambda=0.0"]),
        ("data.reference_scale", "\"own\"", &[]),
        ("metrics.k", "4", &["metrics.prdc=false"]),
        ("network.time_dim", "8", &["network.time=\"scalar\""]),
        ("gaussianize.coupling", "\"auto\"", &["gaussianize.held_out=0.0"]),
    ];
    for (key, value, with) in cases {
        let others: Vec<&str> = with.iter().flat_map(|set| ["--set", set]).collect();
        let arguments =
            |set: &str| [&["check", "spec.toml", "--set", set], others.as_slice()].concat().join("\u{1}");
        let check = |set: &str| run(folder.path(), &arguments(set).split('\u{1}').collect::<Vec<_>>());
        let told = succeeded(&check(&format!("{key}={value}")));
        assert!(told.contains(&format!("`{key}` has no effect, because")), "{key}:\n{told}");
        let swept = check(&format!("sweep.\"{key}\"=[{value}]"));
        assert_eq!(swept.status.code(), Some(2), "{key}");
        assert!(
            message(&swept).contains(&format!("varies `{key}`, which has no effect")),
            "{}",
            message(&swept)
        );
    }
    let flow = run(folder.path(), &["check", "spec.toml", "--set", "gaussianize.flow.layers=2"]);
    assert!(succeeded(&flow).contains("`gaussianize.flow` has no effect, because"), "{}", said(&flow));
    // Nothing of the kind is said where the setting has one, or has one at another point.
    let quiet = |arguments: &[&str]| {
        let told = succeeded(&run(folder.path(), &[&["check", "spec.toml"], arguments].concat()));
        assert!(!told.contains("no effect"), "{told}");
    };
    quiet(&["--set", "sample.eta=0.5", "--set", "sample.sampler=ddim"]);
    quiet(&["--set", "sample.eta=0.5", "--set", "sweep.\"sample.sampler\"=[\"ddpm\",\"ddim\"]"]);
    quiet(&["--set", "gaussianize.bandwidth=scott", "--set", "gaussianize.components=1"]);
    // Of a pipeline that is not there only the sweep is refused.
    quiet(&["--set", "pipelines=[\"exact\"]", "--set", "network.hidden=[4]"]);
    let swept = run(
        folder.path(),
        &["check", "spec.toml", "--set", "pipelines=[\"exact\"]", "--set", "sweep.\"train.ema\"=[0.5,0.9]"],
    );
    assert!(message(&swept).contains("no pipeline trains a network"), "{}", message(&swept));
    // The repository's own specs say nothing that has no effect.
    for path in in_repository("configs", "toml") {
        let study = gdiff::spec::read(&path, &stand_in(&path)).unwrap();
        assert!(study.warnings().iter().all(|w| !w.contains("no effect")), "{}", path.display());
    }
}

#[test]
fn what_is_likely_not_meant_is_told() {
    let folder = tempdir().unwrap();
    let utm = case("utm.toml");
    let utm = utm.to_str().unwrap();
    let checked = succeeded(&run(folder.path(), &["check", utm]));
    assert!(
        checked.contains("warning      utm.csv: the axis `northing` has values of about 5e6"),
        "{checked}"
    );
    let scaled = succeeded(&run(folder.path(), &["check", utm, "--set", "data.scale=standardize"]));
    assert!(!scaled.contains("warning"), "{scaled}");
    spec(folder.path(), &crate::common::TINY.replace("steps = 12", "steps = 100"));
    let check = |sets: &[&str]| {
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        succeeded(&run(folder.path(), &[&["check", "spec.toml"], sets.as_slice()].concat()))
    };
    let leading = ["sample.sampler=ddim", "sample.steps=5", "sample.spacing=leading"];
    assert!(
        check(&leading).contains("sampling begins at step 81 of 100 from pure noise"),
        "{}",
        check(&leading)
    );
    assert!(!check(&leading[..2]).contains("warning"), "{}", check(&leading[..2]));
    assert!(check(&["sample.count=1001"]).contains("compare 1001 generated points with 250 real ones"));
    assert!(!check(&["sample.count=1000"]).contains("warning"));
    let onehot = case("onehot.csv");
    let onehot = onehot.to_str().unwrap();
    let output = run(folder.path(), &["metrics", onehot, onehot]);
    assert!(succeeded(&output).contains("precision       0.0000"));
    assert!(
        message(&output).contains("500 of the 500 k-NN radii of the real points are 0"),
        "{}",
        message(&output)
    );
    spec(folder.path(), &small(onehot).replace("standardize", "none"));
    assert!(check(&[]).contains("500 of 500 rows have so many exact copies"), "{}", check(&[]));
}

#[test]
fn a_nearly_constant_column_is_called_so() {
    let folder = tempdir().unwrap();
    let rows: String = (0..60).map(|i| format!("{}.5,{}\n", i % 7, 4.0 + f64::from(i % 3) * 1e-13)).collect();
    std::fs::write(folder.path().join("t.csv"), rows).unwrap();
    let output = run(folder.path(), &["gaussianize", "fit", "t.csv", "--out", "map"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("column 1 of the data is nearly constant (4"), "{}", message(&output));
    assert!(message(&output).contains("relative spread 2e-14"), "{}", message(&output));
    let whole: Array1<f64> = Array1::from_elem(60, 4.0);
    whole.write_npy(std::fs::File::create(folder.path().join("c.npy")).unwrap()).unwrap();
    let output = run(folder.path(), &["gaussianize", "fit", "c.npy", "--out", "map"]);
    let words = "the only column is constant over the training points (4)";
    assert!(message(&output).contains(words), "{}", message(&output));
}
