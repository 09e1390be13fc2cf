/// The memory of the machine.
export module fieldfold.base.memory;

import fieldfold.base.standard;

export namespace fieldfold {

/// The memory that can still be allocated, in bytes: what is available on the machine, within the limit of the process;
/// the largest number of its type if neither is known.
std::size_t available_memory();

/// A number of bytes for messages, in kB, MB or GB with two or three digits.
std::string bytes_text(std::size_t bytes);

}  // namespace fieldfold
