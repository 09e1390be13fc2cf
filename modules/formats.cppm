/// Fields in files of other programs: `import fieldfold.formats;`, beside `import fieldfold;`.
export module fieldfold.formats;

export import fieldfold.formats.dataset;
export import fieldfold.formats.files;
