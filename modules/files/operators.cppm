/// Saving and loading of interpolation operators, in the file format of compressors.
export module fieldfold.files.operators;

import fieldfold.base.standard;
import fieldfold.interpolation.operators;

export namespace fieldfold {

/// Saves an operator. The file is either complete or absent. \throws FileError  the file cannot be written
void save(const std::filesystem::path& path, const InterpolationOperator& interpolation);

/// Loads an operator. \throws FileError  as `load`
InterpolationOperator load_operator(const std::filesystem::path& path);

}  // namespace fieldfold
