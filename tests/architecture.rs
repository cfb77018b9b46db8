//! Reads the source tree and holds it to the layout, the sizes and the form that CONTRIBUTING.md promises.
//!
//! Each rule is a function of a path and a text, next to a test that plants a violation and sees it found.
//! There is no list of exceptions. What a compiler lint can say (`clippy.toml`) does not belong here.

#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/form.rs"]
mod form;
#[path = "architecture/layers.rs"]
mod layers;
#[path = "architecture/settings.rs"]
mod settings;
#[path = "architecture/sizes.rs"]
mod sizes;
#[path = "architecture/source.rs"]
mod source;

use source::{Source, files_below, root};

fn sources() -> Vec<Source> {
    let mut paths = files_below("src", "rs");
    paths.extend(files_below("tests", "rs"));
    assert!(paths.len() > 5, "found almost no sources: {paths:?}");
    paths.iter().map(|path| Source::read(path)).collect()
}

fn assert_none(violations: &[String]) {
    assert!(
        violations.is_empty(),
        "\n{} violation(s):\n{}\n",
        violations.len(),
        violations.join("\n")
    );
}

fn assert_held(rule: fn(&Source) -> Vec<String>) {
    let violations: Vec<String> = sources().iter().flat_map(rule).collect();
    assert_none(&violations);
}

#[test]
fn layers_import_only_what_they_may() {
    assert_held(layers::imports);
}

#[test]
fn the_architecture_document_tells_the_same_layers() {
    assert_none(&layers::table(&source::text("docs/architecture.md")));
}

#[test]
fn the_domain_is_pure() {
    assert_held(layers::purity);
}

#[test]
fn files_say_what_they_are_for() {
    assert_held(form::opening);
}

#[test]
fn imports_name_what_they_import() {
    assert_held(form::globs);
}

#[test]
fn there_are_no_macros_of_our_own() {
    assert_held(form::macros);
}

#[test]
fn nothing_unwraps_outside_tests() {
    assert_held(form::unwraps);
}

#[test]
fn modules_are_where_their_names_say() {
    assert_held(form::modules);
}

#[test]
fn files_are_short() {
    assert_held(sizes::file);
}

#[test]
fn functions_are_short_flat_and_take_few_parameters() {
    assert_held(sizes::functions);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = files_below("", "md");
    assert!(documents.contains(&"README.md".to_owned()));
    let exists = |path: &str| root().join(path).exists();
    let violations: Vec<String> = documents
        .iter()
        .flat_map(|path| documents::links(path, &source::text(path), exists))
        .collect();
    assert_none(&violations);
}

#[test]
fn decisions_are_numbered_and_listed() {
    let records = files_below("docs/decisions", "md");
    let index = source::text("docs/decisions/README.md");
    assert_none(&documents::decisions(&records, &index));
}

#[test]
fn the_readme_names_commands_that_exist() {
    let runnable = |path: &str| source::is_executable(path);
    let subcommand = |name: &str| {
        let file = name.replace('-', "_");
        root().join(format!("src/commands/{file}.rs")).exists()
    };
    let violations = documents::commands(
        "README.md",
        &source::text("README.md"),
        runnable,
        subcommand,
    );
    assert_none(&violations);
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether to write the document is asked of the person who runs the test"
)]
fn is_to_be_written() -> bool {
    std::env::var_os("TIPOFF_REGENERATE").is_some()
}

#[test]
fn the_configuration_document_tells_every_setting() {
    let expected = settings::markdown(&source::text("docs/examples/every-setting.toml"));
    let path = "docs/configuration.md";
    if is_to_be_written() {
        std::fs::write(root().join(path), &expected).expect("the repository can be written");
    }
    assert!(
        source::text(path) == expected,
        "{path} is stale; write it anew: TIPOFF_REGENERATE=1 cargo test --test architecture"
    );
}

#[test]
fn the_configuration_document_tells_every_environment_variable() {
    let document = source::text("docs/configuration.md");
    let violations: Vec<String> = sources()
        .iter()
        .flat_map(|source| settings::variables(source, &document))
        .collect();
    assert_none(&violations);
}
