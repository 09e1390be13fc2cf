!> fieldfold in Fortran 2008: compression of fields to latent coefficients, and interpolation between point sets, on the
!> C interface (fieldfold.h, which documents each call).
!>
!> Arrays lie as Fortran has them, with the numbers of a state first: `states(dof, count)`, `latent(rank, count)`,
!> `coords(dim, num_pts)`, `fields(num_qoi, num_points, count)`; number `(point - 1) * num_qoi + field` of a state is that
!> of a field at a point. Contiguous arrays are not copied. Single states may have one axis.
!>
!> Nothing stops the program. Each call sets `stat`: `fieldfold_ok`, or one of the values below, and then `errmsg`, if
!> present, to a sentence that states the argument, what was expected and what was given. An object is freed at the end of
!> its scope. Assignment of an SVD makes an independent copy; the other objects are not assigned.
module fieldfold
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_double, c_float, c_f_pointer, c_int, c_loc, &
    c_null_char, c_null_ptr, c_ptr, c_size_t
  implicit none
  private

  integer, parameter, public :: fieldfold_ok = 0
  integer, parameter, public :: fieldfold_invalid_argument = 1 !< out of range, or a shape that does not fit
  integer, parameter, public :: fieldfold_not_ready = 2        !< there is no map, or no coords
  integer, parameter, public :: fieldfold_numerical_error = 3  !< no convergence, overflow, a singular system
  integer, parameter, public :: fieldfold_file_error = 4       !< a file cannot be read or written, or is damaged
  integer, parameter, public :: fieldfold_out_of_memory = 5
  integer, parameter, public :: fieldfold_internal_error = 7   !< a fault of the library

  !> The ranks of a parallel program; the module `fieldfold_mpi` makes those of MPI. With it the points of an SVD are
  !> distributed among them: see the section on ranks in fieldfold.h. Calls that are collective there are collective here.
  type, public :: fieldfold_communicator
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: size => communicator_size
    procedure :: rank => communicator_rank
    procedure :: share => communicator_share
    procedure :: adopt => communicator_adopt
    procedure :: free => communicator_free
    final :: communicator_final
  end type fieldfold_communicator

  !> Compression by a truncated SVD.
  type, public :: fieldfold_svd
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: create => svd_create
    procedure :: load => svd_load
    procedure :: save => svd_save
    procedure :: free => svd_free
    procedure :: set_coords => svd_set_coords
    procedure :: set_point_weights => svd_set_point_weights
    procedure :: set_sample_weights => svd_set_sample_weights
    procedure :: set_communicator => svd_set_communicator
    procedure :: load_on_ranks => svd_load_on_ranks
    procedure :: fit_samples => svd_fit_samples
    procedure :: merge_ranks => svd_merge_ranks
    generic :: fit => fit_f64, fit_f32
    procedure, private :: fit_f64 => svd_fit_f64
    procedure, private :: fit_f32 => svd_fit_f32
    procedure :: map_exists => svd_map_exists
    procedure :: dof => svd_dof
    procedure :: rank => svd_rank
    procedure :: num_pts => svd_num_pts
    procedure :: num_qoi => svd_num_qoi
    procedure :: num_samples => svd_num_samples
    procedure :: num_dropped => svd_num_dropped
    procedure :: energy => svd_energy
    procedure :: reconstruction_error => svd_reconstruction_error
    procedure :: singular_values => svd_singular_values
    procedure :: basis => svd_basis
    procedure :: mean => svd_mean
    procedure :: latent_ranges => svd_latent_ranges
    procedure :: snapshot_errors => svd_snapshot_errors
    generic :: compress => compress_f64, compress_f32, compress_one_f64, compress_one_f32
    procedure, private :: compress_f64 => svd_compress_f64
    procedure, private :: compress_f32 => svd_compress_f32
    procedure, private :: compress_one_f64 => svd_compress_one_f64
    procedure, private :: compress_one_f32 => svd_compress_one_f32
    generic :: reconstruct => reconstruct_f64, reconstruct_f32, reconstruct_one_f64, reconstruct_one_f32
    procedure, private :: reconstruct_f64 => svd_reconstruct_f64
    procedure, private :: reconstruct_f32 => svd_reconstruct_f32
    procedure, private :: reconstruct_one_f64 => svd_reconstruct_one_f64
    procedure, private :: reconstruct_one_f32 => svd_reconstruct_one_f32
    procedure :: distances => svd_distances
    procedure :: interpolate_from_grid => svd_interpolate_from_grid
    procedure :: interpolate_to_grid => svd_interpolate_to_grid
    procedure :: reconstruct_at => svd_reconstruct_at
    procedure :: sensors => svd_sensors
    generic :: assignment(=) => copy
    procedure, private :: copy => svd_copy
    final :: svd_final
  end type fieldfold_svd

  !> An SVD that is updated with each state and keeps none.
  type, public :: fieldfold_incremental
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: create => incremental_create
    procedure :: load => incremental_load
    procedure :: save => incremental_save
    procedure :: free => incremental_free
    procedure :: set_coords => incremental_set_coords
    procedure :: set_communicator => incremental_set_communicator
    procedure :: load_on_ranks => incremental_load_on_ranks
    generic :: add => add_f64, add_f32, add_states_f64, add_states_f32
    procedure, private :: add_f64 => incremental_add_f64
    procedure, private :: add_f32 => incremental_add_f32
    procedure, private :: add_states_f64 => incremental_add_states_f64
    procedure, private :: add_states_f32 => incremental_add_states_f32
    procedure :: merge => incremental_merge
    procedure :: update => incremental_update
    procedure :: finish => incremental_finish
    procedure :: num_samples => incremental_num_samples
    procedure :: num_dropped => incremental_num_dropped
    procedure :: rank => incremental_rank
    procedure :: error_bound => incremental_error_bound
    final :: incremental_final
  end type fieldfold_incremental

  !> Interpolation from points to queries, as a matrix.
  type, public :: fieldfold_operator
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: create => operator_create
    procedure :: create_on_ranks => operator_create_on_ranks
    procedure :: load => operator_load
    procedure :: save => operator_save
    procedure :: free => operator_free
    procedure :: num_points => operator_num_points
    procedure :: num_queries => operator_num_queries
    procedure :: apply => operator_apply
    procedure :: apply_transposed => operator_apply_transposed
    final :: operator_final
  end type fieldfold_operator

  public :: fieldfold_version

  interface
    function c_version() bind(c, name='fieldfold_version')
      import :: c_ptr
      type(c_ptr) :: c_version
    end function
    function c_last_error() bind(c, name='fieldfold_last_error')
      import :: c_ptr
      type(c_ptr) :: c_last_error
    end function
    function c_strlen(text) bind(c, name='strlen')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
      integer(c_size_t) :: c_strlen
    end function

    function c_communicator_size(communicator) bind(c, name='fieldfold_communicator_size')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: communicator
      integer(c_size_t) :: c_communicator_size
    end function
    function c_communicator_rank(communicator) bind(c, name='fieldfold_communicator_rank')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: communicator
      integer(c_size_t) :: c_communicator_rank
    end function
    function c_communicator_share(communicator, total, first) bind(c, name='fieldfold_communicator_share')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: communicator
      integer(c_size_t), value :: total
      integer(c_size_t), intent(out) :: first
      integer(c_size_t) :: c_communicator_share
    end function
    function c_communicator_refuse(communicator, sentence) bind(c, name='fieldfold_communicator_refuse')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: communicator
      character(kind=c_char), intent(in) :: sentence(*)
      integer(c_int) :: c_communicator_refuse
    end function
    subroutine c_communicator_free(communicator) bind(c, name='fieldfold_communicator_free')
      import :: c_ptr
      type(c_ptr), value :: communicator
    end subroutine
    function c_svd_set_communicator(svd, communicator) bind(c, name='fieldfold_svd_set_communicator')
      import :: c_int, c_ptr
      type(c_ptr), value :: svd, communicator
      integer(c_int) :: c_svd_set_communicator
    end function
    function c_svd_load_on_ranks(path, communicator, num_pts, svd) bind(c, name='fieldfold_svd_load_on_ranks')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), value :: communicator, num_pts
      type(c_ptr), intent(inout) :: svd
      integer(c_int) :: c_svd_load_on_ranks
    end function
    function c_svd_fit_samples(svd, states, count, dof) bind(c, name='fieldfold_svd_fit_samples')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: states(*)
      integer(c_size_t), value :: count, dof
      integer(c_int) :: c_svd_fit_samples
    end function
    function c_svd_merge_ranks(svd, communicator, rule, merged) bind(c, name='fieldfold_svd_merge_ranks')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: svd, communicator
      character(kind=c_char), intent(in) :: rule(*)
      type(c_ptr), intent(inout) :: merged
      integer(c_int) :: c_svd_merge_ranks
    end function
    function c_svd_refuse(svd, sentence) bind(c, name='fieldfold_svd_refuse')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: svd
      character(kind=c_char), intent(in) :: sentence(*)
      integer(c_int) :: c_svd_refuse
    end function
    function c_incremental_set_communicator(incremental, communicator) &
        bind(c, name='fieldfold_incremental_set_communicator')
      import :: c_int, c_ptr
      type(c_ptr), value :: incremental, communicator
      integer(c_int) :: c_incremental_set_communicator
    end function
    function c_incremental_load_on_ranks(path, communicator, num_pts, incremental) &
        bind(c, name='fieldfold_incremental_load_on_ranks')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), value :: communicator, num_pts
      type(c_ptr), intent(inout) :: incremental
      integer(c_int) :: c_incremental_load_on_ranks
    end function
    function c_operator_create_on_ranks(communicator, points, num_points, queries, num_queries, dim, options, op) &
        bind(c, name='fieldfold_operator_create_on_ranks')
      import :: c_char, c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: communicator
      real(c_double), intent(in) :: points(*), queries(*)
      integer(c_size_t), value :: num_points, num_queries, dim
      character(kind=c_char), intent(in) :: options(*)
      type(c_ptr), intent(inout) :: op
      integer(c_int) :: c_operator_create_on_ranks
    end function
    function c_operator_refuse(op, sentence) bind(c, name='fieldfold_operator_refuse')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: op
      character(kind=c_char), intent(in) :: sentence(*)
      integer(c_int) :: c_operator_refuse
    end function

    function c_svd_create(spec, svd) bind(c, name='fieldfold_svd_create')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: spec(*)
      type(c_ptr), intent(inout) :: svd
      integer(c_int) :: c_svd_create
    end function
    function c_svd_copy(svd, copy) bind(c, name='fieldfold_svd_copy')
      import :: c_int, c_ptr
      type(c_ptr), value :: svd
      type(c_ptr), intent(inout) :: copy
      integer(c_int) :: c_svd_copy
    end function
    function c_svd_load(path, svd) bind(c, name='fieldfold_svd_load')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), intent(inout) :: svd
      integer(c_int) :: c_svd_load
    end function
    function c_svd_save(svd, path) bind(c, name='fieldfold_svd_save')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: svd
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int) :: c_svd_save
    end function
    subroutine c_svd_free(svd) bind(c, name='fieldfold_svd_free')
      import :: c_ptr
      type(c_ptr), value :: svd
    end subroutine
    function c_svd_set_coords(svd, coords, num_pts, dim) bind(c, name='fieldfold_svd_set_coords')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: coords(*)
      integer(c_size_t), value :: num_pts, dim
      integer(c_int) :: c_svd_set_coords
    end function
    function c_svd_set_point_weights(svd, weights, num_pts) bind(c, name='fieldfold_svd_set_point_weights')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: weights(*)
      integer(c_size_t), value :: num_pts
      integer(c_int) :: c_svd_set_point_weights
    end function
    function c_svd_set_sample_weights(svd, weights, num_samples) bind(c, name='fieldfold_svd_set_sample_weights')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: weights(*)
      integer(c_size_t), value :: num_samples
      integer(c_int) :: c_svd_set_sample_weights
    end function
    function c_svd_fit_f64(svd, snapshots, dof, num_samples, dof_stride, sample_stride) bind(c, name='fieldfold_svd_fit')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: snapshots(*)
      integer(c_size_t), value :: dof, num_samples, dof_stride, sample_stride
      integer(c_int) :: c_svd_fit_f64
    end function
    function c_svd_fit_f32(svd, snapshots, dof, num_samples, dof_stride, sample_stride) &
        bind(c, name='fieldfold_svd_fit_f32')
      import :: c_float, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_float), intent(in) :: snapshots(*)
      integer(c_size_t), value :: dof, num_samples, dof_stride, sample_stride
      integer(c_int) :: c_svd_fit_f32
    end function
    function c_svd_map_exists(svd) bind(c, name='fieldfold_svd_map_exists')
      import :: c_int, c_ptr
      type(c_ptr), value :: svd
      integer(c_int) :: c_svd_map_exists
    end function
    function c_svd_dof(svd) bind(c, name='fieldfold_svd_dof')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_dof
    end function
    function c_svd_rank(svd) bind(c, name='fieldfold_svd_rank')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_rank
    end function
    function c_svd_num_pts(svd) bind(c, name='fieldfold_svd_num_pts')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_num_pts
    end function
    function c_svd_num_qoi(svd) bind(c, name='fieldfold_svd_num_qoi')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_num_qoi
    end function
    function c_svd_dim(svd) bind(c, name='fieldfold_svd_dim')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_dim
    end function
    function c_svd_num_samples(svd) bind(c, name='fieldfold_svd_num_samples')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_num_samples
    end function
    function c_svd_num_dropped(svd) bind(c, name='fieldfold_svd_num_dropped')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_num_dropped
    end function
    function c_svd_num_singular_values(svd) bind(c, name='fieldfold_svd_num_singular_values')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t) :: c_svd_num_singular_values
    end function
    function c_svd_energy(svd) bind(c, name='fieldfold_svd_energy')
      import :: c_double, c_ptr
      type(c_ptr), value :: svd
      real(c_double) :: c_svd_energy
    end function
    function c_svd_reconstruction_error(svd) bind(c, name='fieldfold_svd_reconstruction_error')
      import :: c_double, c_ptr
      type(c_ptr), value :: svd
      real(c_double) :: c_svd_reconstruction_error
    end function
    function c_svd_singular_values(svd, values) bind(c, name='fieldfold_svd_singular_values')
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: svd
      real(c_double), intent(inout) :: values(*)
      integer(c_int) :: c_svd_singular_values
    end function
    function c_svd_basis(svd, basis) bind(c, name='fieldfold_svd_basis')
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: svd
      real(c_double), intent(inout) :: basis(*)
      integer(c_int) :: c_svd_basis
    end function
    function c_svd_mean(svd, mean) bind(c, name='fieldfold_svd_mean')
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: svd
      real(c_double), intent(inout) :: mean(*)
      integer(c_int) :: c_svd_mean
    end function
    function c_svd_latent_ranges(svd, margin, ranges) bind(c, name='fieldfold_svd_latent_ranges')
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: svd
      real(c_double), value :: margin
      real(c_double), intent(inout) :: ranges(*)
      integer(c_int) :: c_svd_latent_ranges
    end function
    function c_svd_errors(svd, snapshots, fields, snapshot_fields, rms) bind(c, name='fieldfold_svd_errors')
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: svd
      real(c_double), intent(inout) :: snapshots(*)
      type(c_ptr), value :: fields, snapshot_fields, rms
      integer(c_int) :: c_svd_errors
    end function
    function c_svd_compress_f64(svd, states, count, latent) bind(c, name='fieldfold_svd_compress')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: states(*)
      integer(c_size_t), value :: count
      real(c_double), intent(inout) :: latent(*)
      integer(c_int) :: c_svd_compress_f64
    end function
    function c_svd_compress_f32(svd, states, count, latent) bind(c, name='fieldfold_svd_compress_f32')
      import :: c_float, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_float), intent(in) :: states(*)
      integer(c_size_t), value :: count
      real(c_float), intent(inout) :: latent(*)
      integer(c_int) :: c_svd_compress_f32
    end function
    function c_svd_reconstruct_f64(svd, latent, count, states) bind(c, name='fieldfold_svd_reconstruct')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: latent(*)
      integer(c_size_t), value :: count
      real(c_double), intent(inout) :: states(*)
      integer(c_int) :: c_svd_reconstruct_f64
    end function
    function c_svd_reconstruct_f32(svd, latent, count, states) bind(c, name='fieldfold_svd_reconstruct_f32')
      import :: c_float, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_float), intent(in) :: latent(*)
      integer(c_size_t), value :: count
      real(c_float), intent(inout) :: states(*)
      integer(c_int) :: c_svd_reconstruct_f32
    end function
    function c_svd_assess(svd, states, count, latent, distance, relative_distance, condition) &
        bind(c, name='fieldfold_svd_assess')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: states(*)
      integer(c_size_t), value :: count
      type(c_ptr), value :: latent, distance, condition
      real(c_double), intent(inout) :: relative_distance(*)
      integer(c_int) :: c_svd_assess
    end function
    function c_svd_interpolate_from_grid(svd, states, count, points, num_points, fields) &
        bind(c, name='fieldfold_svd_interpolate_from_grid')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: states(*), points(*)
      integer(c_size_t), value :: count, num_points
      real(c_double), intent(inout) :: fields(*)
      integer(c_int) :: c_svd_interpolate_from_grid
    end function
    function c_svd_interpolate_to_grid(svd, points, num_points, fields, count, states) &
        bind(c, name='fieldfold_svd_interpolate_to_grid')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: points(*), fields(*)
      integer(c_size_t), value :: num_points, count
      real(c_double), intent(inout) :: states(*)
      integer(c_int) :: c_svd_interpolate_to_grid
    end function
    function c_svd_reconstruct_at(svd, latent, count, points, num_points, fields) &
        bind(c, name='fieldfold_svd_reconstruct_at')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      real(c_double), intent(in) :: latent(*), points(*)
      integer(c_size_t), value :: count, num_points
      real(c_double), intent(inout) :: fields(*)
      integer(c_int) :: c_svd_reconstruct_at
    end function
    function c_svd_sensors(svd, count, locations) bind(c, name='fieldfold_svd_sensors')
      import :: c_int, c_ptr, c_size_t
      type(c_ptr), value :: svd
      integer(c_size_t), value :: count
      integer(c_size_t), intent(inout) :: locations(*)
      integer(c_int) :: c_svd_sensors
    end function

    function c_incremental_create(spec, incremental) bind(c, name='fieldfold_incremental_create')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: spec(*)
      type(c_ptr), intent(inout) :: incremental
      integer(c_int) :: c_incremental_create
    end function
    function c_incremental_load(path, incremental) bind(c, name='fieldfold_incremental_load')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), intent(inout) :: incremental
      integer(c_int) :: c_incremental_load
    end function
    function c_incremental_save(incremental, path) bind(c, name='fieldfold_incremental_save')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: incremental
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int) :: c_incremental_save
    end function
    subroutine c_incremental_free(incremental) bind(c, name='fieldfold_incremental_free')
      import :: c_ptr
      type(c_ptr), value :: incremental
    end subroutine
    function c_incremental_set_coords(incremental, coords, num_pts, dim) bind(c, name='fieldfold_incremental_set_coords')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: incremental
      real(c_double), intent(in) :: coords(*)
      integer(c_size_t), value :: num_pts, dim
      integer(c_int) :: c_incremental_set_coords
    end function
    function c_incremental_add_f64(incremental, states, count, dof) bind(c, name='fieldfold_incremental_add_states')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: incremental
      real(c_double), intent(in) :: states(*)
      integer(c_size_t), value :: count, dof
      integer(c_int) :: c_incremental_add_f64
    end function
    function c_incremental_add_f32(incremental, states, count, dof) bind(c, name='fieldfold_incremental_add_states_f32')
      import :: c_float, c_int, c_ptr, c_size_t
      type(c_ptr), value :: incremental
      real(c_float), intent(in) :: states(*)
      integer(c_size_t), value :: count, dof
      integer(c_int) :: c_incremental_add_f32
    end function
    function c_incremental_merge(incremental, other) bind(c, name='fieldfold_incremental_merge')
      import :: c_int, c_ptr
      type(c_ptr), value :: incremental, other
      integer(c_int) :: c_incremental_merge
    end function
    function c_incremental_update(incremental) bind(c, name='fieldfold_incremental_update')
      import :: c_int, c_ptr
      type(c_ptr), value :: incremental
      integer(c_int) :: c_incremental_update
    end function
    function c_incremental_finish(incremental, svd) bind(c, name='fieldfold_incremental_finish')
      import :: c_int, c_ptr
      type(c_ptr), value :: incremental
      type(c_ptr), intent(inout) :: svd
      integer(c_int) :: c_incremental_finish
    end function
    function c_incremental_num_samples(incremental) bind(c, name='fieldfold_incremental_num_samples')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: incremental
      integer(c_size_t) :: c_incremental_num_samples
    end function
    function c_incremental_num_dropped(incremental) bind(c, name='fieldfold_incremental_num_dropped')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: incremental
      integer(c_size_t) :: c_incremental_num_dropped
    end function
    function c_incremental_rank(incremental) bind(c, name='fieldfold_incremental_rank')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: incremental
      integer(c_size_t) :: c_incremental_rank
    end function
    function c_incremental_error_bound(incremental) bind(c, name='fieldfold_incremental_error_bound')
      import :: c_double, c_ptr
      type(c_ptr), value :: incremental
      real(c_double) :: c_incremental_error_bound
    end function

    function c_operator_create(points, num_points, queries, num_queries, dim, options, op) &
        bind(c, name='fieldfold_operator_create')
      import :: c_char, c_double, c_int, c_ptr, c_size_t
      real(c_double), intent(in) :: points(*), queries(*)
      integer(c_size_t), value :: num_points, num_queries, dim
      character(kind=c_char), intent(in) :: options(*)
      type(c_ptr), intent(inout) :: op
      integer(c_int) :: c_operator_create
    end function
    function c_operator_load(path, op) bind(c, name='fieldfold_operator_load')
      import :: c_char, c_int, c_ptr
      character(kind=c_char), intent(in) :: path(*)
      type(c_ptr), intent(inout) :: op
      integer(c_int) :: c_operator_load
    end function
    function c_operator_save(op, path) bind(c, name='fieldfold_operator_save')
      import :: c_char, c_int, c_ptr
      type(c_ptr), value :: op
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int) :: c_operator_save
    end function
    subroutine c_operator_free(op) bind(c, name='fieldfold_operator_free')
      import :: c_ptr
      type(c_ptr), value :: op
    end subroutine
    function c_operator_num_points(op) bind(c, name='fieldfold_operator_num_points')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: op
      integer(c_size_t) :: c_operator_num_points
    end function
    function c_operator_num_queries(op) bind(c, name='fieldfold_operator_num_queries')
      import :: c_ptr, c_size_t
      type(c_ptr), value :: op
      integer(c_size_t) :: c_operator_num_queries
    end function
    function c_operator_apply(op, values, columns, results) bind(c, name='fieldfold_operator_apply')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: op
      real(c_double), intent(in) :: values(*)
      integer(c_size_t), value :: columns
      real(c_double), intent(inout) :: results(*)
      integer(c_int) :: c_operator_apply
    end function
    function c_operator_apply_transposed(op, values, columns, results) &
        bind(c, name='fieldfold_operator_apply_transposed')
      import :: c_double, c_int, c_ptr, c_size_t
      type(c_ptr), value :: op
      real(c_double), intent(in) :: values(*)
      integer(c_size_t), value :: columns
      real(c_double), intent(inout) :: results(*)
      integer(c_int) :: c_operator_apply_transposed
    end function
  end interface

contains

  !> The version of the library, such as 0.1.0.
  function fieldfold_version() result(version)
    character(len=:), allocatable :: version
    version = text_of(c_version())
  end function

  function text_of(pointer) result(text)
    type(c_ptr), intent(in) :: pointer
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: letters(:)
    integer :: i, length
    length = int(c_strlen(pointer))
    call c_f_pointer(pointer, letters, [length])
    allocate (character(len=length) :: text)
    do i = 1, length
      text(i:i) = letters(i)
    end do
  end function

  pure function c_text(text)
    character(len=*), intent(in) :: text
    character(len=:), allocatable :: c_text
    c_text = trim(text)//c_null_char
  end function

  !> Sets the results of a call of the C interface.
  subroutine report(status, stat, errmsg)
    integer(c_int), intent(in) :: status
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    stat = int(status)
    if (stat /= fieldfold_ok .and. present(errmsg)) errmsg = text_of(c_last_error())
  end subroutine

  !> Whether an allocation has succeeded; if not, sets `stat` and `errmsg`.
  function is_allocated(stat, errmsg)
    integer, intent(inout) :: stat
    character(len=*), intent(inout), optional :: errmsg
    logical :: is_allocated
    is_allocated = stat == 0
    if (is_allocated) return
    stat = fieldfold_out_of_memory
    if (present(errmsg)) errmsg = 'out of memory'
  end function

  !> Whether an array has an expected length; if not, sets `stat` and `errmsg`.
  function fits(name, axis, expected, got, stat, errmsg)
    character(len=*), intent(in) :: name
    integer, intent(in) :: axis
    integer(c_size_t), intent(in) :: expected, got
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    logical :: fits
    character(len=200) :: text
    fits = expected == got
    stat = merge(fieldfold_ok, fieldfold_invalid_argument, fits)
    if (fits .or. .not. present(errmsg)) return
    write (text, '(a, a, i0, a, i0, a, i0)') name, ': expected axis ', axis, ' to have the length ', expected, ', got ', got
    errmsg = text
  end function

  subroutine svd_create(self, spec, stat, errmsg)
    class(fieldfold_svd), intent(inout) :: self
    character(len=*), intent(in) :: spec !< options as JSON; blank: the defaults
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_svd_create(c_text(spec), made), stat, errmsg)
    call replace_svd(self, made, stat)
  end subroutine

  !> The number of ranks, and this one, from 0 on as in MPI.
  function communicator_size(self)
    class(fieldfold_communicator), intent(in) :: self
    integer(c_size_t) :: communicator_size
    communicator_size = c_communicator_size(self%handle)
  end function

  function communicator_rank(self)
    class(fieldfold_communicator), intent(in) :: self
    integer(c_size_t) :: communicator_rank
    communicator_rank = c_communicator_rank(self%handle)
  end function

  !> The items of this rank, from the first on, if all have equally many of a total, up to one.
  subroutine communicator_share(self, total, first, count)
    class(fieldfold_communicator), intent(in) :: self
    integer(c_size_t), intent(in) :: total
    integer(c_size_t), intent(out) :: first !< from 1 on
    integer(c_size_t), intent(out) :: count
    count = c_communicator_share(self%handle, total, first)
    first = first + 1
  end subroutine

  !> Takes a handle of the C interface, with the status of the call that made it.
  subroutine communicator_adopt(self, status, handle, stat, errmsg)
    class(fieldfold_communicator), intent(inout) :: self
    integer(c_int), intent(in) :: status
    type(c_ptr), intent(in) :: handle
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(status, stat, errmsg)
    if (stat /= fieldfold_ok) return
    call c_communicator_free(self%handle)
    self%handle = handle
  end subroutine

  !> Objects that use it keep it.
  subroutine communicator_free(self)
    class(fieldfold_communicator), intent(inout) :: self
    call c_communicator_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  impure elemental subroutine communicator_final(self)
    type(fieldfold_communicator), intent(inout) :: self
    call c_communicator_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  !> Fails the collective call of other ranks, whose arguments may fit.
  subroutine refuse(self, errmsg)
    class(fieldfold_svd), intent(in) :: self
    character(len=*), intent(in), optional :: errmsg
    integer(c_int) :: status
    status = c_svd_refuse(self%handle, c_text(sentence_of(errmsg)))
  end subroutine

  subroutine refuse_values(self, errmsg)
    class(fieldfold_operator), intent(in) :: self
    character(len=*), intent(in), optional :: errmsg
    integer(c_int) :: status
    status = c_operator_refuse(self%handle, c_text(sentence_of(errmsg)))
  end subroutine

  function sentence_of(errmsg)
    character(len=*), intent(in), optional :: errmsg
    character(len=:), allocatable :: sentence_of
    sentence_of = 'arguments: expected shapes that fit'
    if (present(errmsg)) sentence_of = trim(errmsg)
  end function

  !> Distributes the points of an SVD without a map among ranks.
  subroutine svd_set_communicator(self, communicator, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    class(fieldfold_communicator), intent(in) :: communicator
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_set_communicator(self%handle, communicator%handle), stat, errmsg)
  end subroutine

  !> Loads a map, of which each rank reads its points.
  subroutine svd_load_on_ranks(self, path, communicator, stat, errmsg, num_pts)
    class(fieldfold_svd), intent(inout) :: self
    character(len=*), intent(in) :: path
    class(fieldfold_communicator), intent(in) :: communicator
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t), intent(in), target, optional :: num_pts !< of this rank; none: an equal share
    type(c_ptr) :: made, number
    made = c_null_ptr
    number = c_null_ptr
    if (present(num_pts)) number = c_loc(num_pts)
    call report(c_svd_load_on_ranks(c_text(path), communicator%handle, number, made), stat, errmsg)
    call replace_svd(self, made, stat)
  end subroutine

  !> Learns from whole states, of which each rank has others.
  subroutine svd_fit_samples(self, states, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: states(:, :) !< (dof of all points, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_fit_samples(self%handle, states, size(states, 2, c_size_t), size(states, 1, c_size_t)), stat, &
                errmsg)
  end subroutine

  !> Makes one map of the maps that ranks have learnt from whole states of their own.
  subroutine svd_merge_ranks(self, communicator, rule, merged, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    class(fieldfold_communicator), intent(in) :: communicator
    character(len=*), intent(in) :: rule !< JSON, such as {"rank": 5}; blank: as in the options
    class(fieldfold_svd), intent(inout) :: merged
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_svd_merge_ranks(self%handle, communicator%handle, c_text(rule), made), stat, errmsg)
    call replace_svd(merged, made, stat)
  end subroutine

  subroutine svd_load(self, path, stat, errmsg)
    class(fieldfold_svd), intent(inout) :: self
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_svd_load(c_text(path), made), stat, errmsg)
    call replace_svd(self, made, stat)
  end subroutine

  subroutine replace_svd(self, made, stat)
    class(fieldfold_svd), intent(inout) :: self
    type(c_ptr), intent(in) :: made
    integer, intent(in) :: stat
    if (stat /= fieldfold_ok) return
    call c_svd_free(self%handle)
    self%handle = made
  end subroutine

  subroutine svd_save(self, path, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_save(self%handle, c_text(path)), stat, errmsg)
  end subroutine

  subroutine svd_free(self)
    class(fieldfold_svd), intent(inout) :: self
    call c_svd_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  impure elemental subroutine svd_final(self)
    type(fieldfold_svd), intent(inout) :: self
    call c_svd_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  !> The copy of an SVD without a handle has none, and so has one that fails: the next call then reports it.
  impure elemental subroutine svd_copy(self, other)
    class(fieldfold_svd), intent(inout) :: self
    class(fieldfold_svd), intent(in) :: other
    type(c_ptr) :: made
    made = c_null_ptr
    if (c_associated(other%handle)) then
      if (c_svd_copy(other%handle, made) /= fieldfold_ok) made = c_null_ptr
    end if
    call c_svd_free(self%handle)
    self%handle = made
  end subroutine

  subroutine svd_set_coords(self, coords, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: coords(:, :) !< (dim, num_pts)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_set_coords(self%handle, coords, size(coords, 2, c_size_t), size(coords, 1, c_size_t)), stat, errmsg)
  end subroutine

  subroutine svd_set_point_weights(self, weights, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: weights(:) !< (num_pts)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_set_point_weights(self%handle, weights, size(weights, kind=c_size_t)), stat, errmsg)
  end subroutine

  subroutine svd_set_sample_weights(self, weights, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: weights(:) !< (num_samples)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_set_sample_weights(self%handle, weights, size(weights, kind=c_size_t)), stat, errmsg)
  end subroutine

  subroutine svd_fit_f64(self, snapshots, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: snapshots(:, :) !< (dof, num_samples)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t) :: dof
    dof = size(snapshots, 1, c_size_t)
    call report(c_svd_fit_f64(self%handle, snapshots, dof, size(snapshots, 2, c_size_t), 1_c_size_t, dof), stat, errmsg)
  end subroutine

  subroutine svd_fit_f32(self, snapshots, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_float), intent(in) :: snapshots(:, :) !< (dof, num_samples)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t) :: dof
    dof = size(snapshots, 1, c_size_t)
    call report(c_svd_fit_f32(self%handle, snapshots, dof, size(snapshots, 2, c_size_t), 1_c_size_t, dof), stat, errmsg)
  end subroutine

  function svd_map_exists(self)
    class(fieldfold_svd), intent(in) :: self
    logical :: svd_map_exists
    svd_map_exists = c_svd_map_exists(self%handle) /= 0
  end function

  function svd_dof(self)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t) :: svd_dof !< 0 without a map
    svd_dof = c_svd_dof(self%handle)
  end function

  function svd_rank(self)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t) :: svd_rank
    svd_rank = c_svd_rank(self%handle)
  end function

  function svd_num_pts(self)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t) :: svd_num_pts
    svd_num_pts = c_svd_num_pts(self%handle)
  end function

  function svd_num_qoi(self)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t) :: svd_num_qoi
    svd_num_qoi = c_svd_num_qoi(self%handle)
  end function

  function svd_num_samples(self)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t) :: svd_num_samples
    svd_num_samples = c_svd_num_samples(self%handle)
  end function

  function svd_num_dropped(self)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t) :: svd_num_dropped
    svd_num_dropped = c_svd_num_dropped(self%handle)
  end function

  function svd_energy(self)
    class(fieldfold_svd), intent(in) :: self
    real(c_double) :: svd_energy !< NaN without a map
    svd_energy = c_svd_energy(self%handle)
  end function

  function svd_reconstruction_error(self)
    class(fieldfold_svd), intent(in) :: self
    real(c_double) :: svd_reconstruction_error
    svd_reconstruction_error = c_svd_reconstruction_error(self%handle)
  end function

  subroutine svd_singular_values(self, values, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), allocatable, intent(out) :: values(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    allocate (values(c_svd_num_singular_values(self%handle)), stat=stat)
    if (.not. is_allocated(stat, errmsg)) return
    call report(c_svd_singular_values(self%handle, values), stat, errmsg)
  end subroutine

  subroutine svd_basis(self, basis, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), allocatable, intent(out) :: basis(:, :) !< (rank, dof): transposed, as it lies
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    allocate (basis(self%rank(), self%dof()), stat=stat)
    if (.not. is_allocated(stat, errmsg)) return
    call report(c_svd_basis(self%handle, basis), stat, errmsg)
  end subroutine

  subroutine svd_mean(self, mean, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), allocatable, intent(out) :: mean(:) !< (dof)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    allocate (mean(self%dof()), stat=stat)
    if (.not. is_allocated(stat, errmsg)) return
    call report(c_svd_mean(self%handle, mean), stat, errmsg)
  end subroutine

  subroutine svd_latent_ranges(self, margin, ranges, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: margin                     !< share of the width
    real(c_double), allocatable, intent(out) :: ranges(:, :) !< (2, rank): lowest and highest coefficients
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    allocate (ranges(2, self%rank()), stat=stat)
    if (.not. is_allocated(stat, errmsg)) return
    call report(c_svd_latent_ranges(self%handle, margin, ranges), stat, errmsg)
  end subroutine

  subroutine svd_snapshot_errors(self, errors, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), allocatable, intent(out) :: errors(:) !< (num_samples): relative
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    allocate (errors(self%num_samples()), stat=stat)
    if (.not. is_allocated(stat, errmsg)) return
    call report(c_svd_errors(self%handle, errors, c_null_ptr, c_null_ptr, c_null_ptr), stat, errmsg)
  end subroutine

  subroutine svd_compress_f64(self, states, latent, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: states(:, :)    !< (dof, count)
    real(c_double), intent(inout) :: latent(:, :) !< (rank, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, shape(states, c_size_t), shape(latent, c_size_t), stat, errmsg)) then
      call report(c_svd_compress_f64(self%handle, states, size(states, 2, c_size_t), latent), stat, errmsg)
    else
      call refuse(self, errmsg)
    end if
  end subroutine

  subroutine svd_compress_f32(self, states, latent, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_float), intent(in) :: states(:, :)
    real(c_float), intent(inout) :: latent(:, :)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, shape(states, c_size_t), shape(latent, c_size_t), stat, errmsg)) then
      call report(c_svd_compress_f32(self%handle, states, size(states, 2, c_size_t), latent), stat, errmsg)
    else
      call refuse(self, errmsg)
    end if
  end subroutine

  subroutine svd_compress_one_f64(self, state, latent, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: state(:)     !< (dof)
    real(c_double), intent(inout) :: latent(:) !< (rank)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, [shape(state, c_size_t), 1_c_size_t], [shape(latent, c_size_t), 1_c_size_t], stat, errmsg)) then
      call report(c_svd_compress_f64(self%handle, state, 1_c_size_t, latent), stat, errmsg)
    else
      call refuse(self, errmsg)
    end if
  end subroutine

  subroutine svd_compress_one_f32(self, state, latent, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_float), intent(in) :: state(:)
    real(c_float), intent(inout) :: latent(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, [shape(state, c_size_t), 1_c_size_t], [shape(latent, c_size_t), 1_c_size_t], stat, errmsg)) then
      call report(c_svd_compress_f32(self%handle, state, 1_c_size_t, latent), stat, errmsg)
    else
      call refuse(self, errmsg)
    end if
  end subroutine

  subroutine svd_reconstruct_f64(self, latent, states, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: latent(:, :)    !< (rank, count)
    real(c_double), intent(inout) :: states(:, :) !< (dof, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, shape(states, c_size_t), shape(latent, c_size_t), stat, errmsg)) &
      call report(c_svd_reconstruct_f64(self%handle, latent, size(latent, 2, c_size_t), states), stat, errmsg)
  end subroutine

  subroutine svd_reconstruct_f32(self, latent, states, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_float), intent(in) :: latent(:, :)
    real(c_float), intent(inout) :: states(:, :)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, shape(states, c_size_t), shape(latent, c_size_t), stat, errmsg)) &
      call report(c_svd_reconstruct_f32(self%handle, latent, size(latent, 2, c_size_t), states), stat, errmsg)
  end subroutine

  subroutine svd_reconstruct_one_f64(self, latent, state, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: latent(:)   !< (rank)
    real(c_double), intent(inout) :: state(:) !< (dof)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, [shape(state, c_size_t), 1_c_size_t], [shape(latent, c_size_t), 1_c_size_t], stat, errmsg)) &
      call report(c_svd_reconstruct_f64(self%handle, latent, 1_c_size_t, state), stat, errmsg)
  end subroutine

  subroutine svd_reconstruct_one_f32(self, latent, state, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_float), intent(in) :: latent(:)
    real(c_float), intent(inout) :: state(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_states(self, [shape(state, c_size_t), 1_c_size_t], [shape(latent, c_size_t), 1_c_size_t], stat, errmsg)) &
      call report(c_svd_reconstruct_f32(self%handle, latent, 1_c_size_t, state), stat, errmsg)
  end subroutine

  !> Whether arrays have the shapes of states and coefficients. Without a map the call itself reports that.
  function are_states(self, states, latent, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t), intent(in) :: states(2), latent(2)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    logical :: are_states
    are_states = .true.
    if (.not. self%map_exists()) return
    are_states = fits('states', 1, self%dof(), states(1), stat, errmsg)
    if (are_states) are_states = fits('latent', 1, self%rank(), latent(1), stat, errmsg)
    if (are_states) are_states = fits('latent', 2, states(2), latent(2), stat, errmsg)
  end function

  subroutine svd_distances(self, states, distances, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: states(:, :)    !< (dof, count)
    real(c_double), intent(inout) :: distances(:) !< (count): from the span of the modes, relative
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (.not. are_states(self, shape(states, c_size_t), [self%rank(), size(states, 2, c_size_t)], stat, errmsg)) then
      call refuse(self, errmsg)
      return
    end if
    if (.not. fits('distances', 1, size(states, 2, c_size_t), size(distances, 1, c_size_t), stat, errmsg)) then
      call refuse(self, errmsg)
      return
    end if
    call report(c_svd_assess(self%handle, states, size(states, 2, c_size_t), c_null_ptr, c_null_ptr, distances, &
                             c_null_ptr), stat, errmsg)
  end subroutine

  !> Whether arrays have the shapes of points and of fields at them.
  function are_fields(self, points, fields, count, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t), intent(in) :: points(2), fields(3), count
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    logical :: are_fields
    are_fields = .true.
    if (c_svd_dim(self%handle) == 0) return ! the call itself reports that
    are_fields = fits('points', 1, c_svd_dim(self%handle), points(1), stat, errmsg)
    if (are_fields) are_fields = fits('fields', 1, self%num_qoi(), fields(1), stat, errmsg)
    if (are_fields) are_fields = fits('fields', 2, points(2), fields(2), stat, errmsg)
    if (are_fields) are_fields = fits('fields', 3, count, fields(3), stat, errmsg)
  end function

  subroutine svd_interpolate_from_grid(self, states, points, fields, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: states(:, :)       !< (dof, count)
    real(c_double), intent(in) :: points(:, :)       !< (dim, num_points)
    real(c_double), intent(inout) :: fields(:, :, :) !< (num_qoi, num_points, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t) :: count
    count = size(states, 2, c_size_t)
    if (.not. are_fields(self, shape(points, c_size_t), shape(fields, c_size_t), count, stat, errmsg)) then
      call refuse(self, errmsg)
      return
    end if
    if (c_svd_dim(self%handle) > 0) then ! without coords the call itself reports that
      if (.not. fits('states', 1, self%num_pts()*self%num_qoi(), size(states, 1, c_size_t), stat, errmsg)) then
        call refuse(self, errmsg)
        return
      end if
    end if
    call report(c_svd_interpolate_from_grid(self%handle, states, count, points, size(points, 2, c_size_t), fields), &
                stat, errmsg)
  end subroutine

  subroutine svd_interpolate_to_grid(self, points, fields, states, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: points(:, :)    !< (dim, num_points)
    real(c_double), intent(in) :: fields(:, :, :) !< (num_qoi, num_points, count)
    real(c_double), intent(inout) :: states(:, :) !< (dof, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t) :: count
    count = size(states, 2, c_size_t)
    if (.not. are_fields(self, shape(points, c_size_t), shape(fields, c_size_t), count, stat, errmsg)) then
      call refuse(self, errmsg)
      return
    end if
    if (c_svd_dim(self%handle) > 0) then ! without coords the call itself reports that
      if (.not. fits('states', 1, self%num_pts()*self%num_qoi(), size(states, 1, c_size_t), stat, errmsg)) then
        call refuse(self, errmsg)
        return
      end if
    end if
    call report(c_svd_interpolate_to_grid(self%handle, points, size(points, 2, c_size_t), fields, count, states), stat, &
                errmsg)
  end subroutine

  subroutine svd_reconstruct_at(self, latent, points, fields, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    real(c_double), intent(in) :: latent(:, :)       !< (rank, count)
    real(c_double), intent(in) :: points(:, :)       !< (dim, num_points)
    real(c_double), intent(inout) :: fields(:, :, :) !< (num_qoi, num_points, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t) :: count
    count = size(latent, 2, c_size_t)
    if (.not. are_states(self, [self%dof(), count], shape(latent, c_size_t), stat, errmsg)) then
      call refuse(self, errmsg)
      return
    end if
    if (.not. are_fields(self, shape(points, c_size_t), shape(fields, c_size_t), count, stat, errmsg)) then
      call refuse(self, errmsg)
      return
    end if
    call report(c_svd_reconstruct_at(self%handle, latent, count, points, size(points, 2, c_size_t), fields), stat, errmsg)
  end subroutine

  !> Sensor locations, numbers of a state from 1 on: `(point - 1) * num_qoi + field`.
  subroutine svd_sensors(self, locations, stat, errmsg)
    class(fieldfold_svd), intent(in) :: self
    integer(c_size_t), intent(inout) :: locations(:) !< as many as sensors, at least rank
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_svd_sensors(self%handle, size(locations, kind=c_size_t), locations), stat, errmsg)
    if (stat == fieldfold_ok) locations = locations + 1
  end subroutine

  subroutine incremental_create(self, spec, stat, errmsg)
    class(fieldfold_incremental), intent(inout) :: self
    character(len=*), intent(in) :: spec !< options as JSON; blank: the defaults
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_incremental_create(c_text(spec), made), stat, errmsg)
    call replace_incremental(self, made, stat)
  end subroutine

  subroutine incremental_load(self, path, stat, errmsg)
    class(fieldfold_incremental), intent(inout) :: self
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_incremental_load(c_text(path), made), stat, errmsg)
    call replace_incremental(self, made, stat)
  end subroutine

  subroutine replace_incremental(self, made, stat)
    class(fieldfold_incremental), intent(inout) :: self
    type(c_ptr), intent(in) :: made
    integer, intent(in) :: stat
    if (stat /= fieldfold_ok) return
    call c_incremental_free(self%handle)
    self%handle = made
  end subroutine

  subroutine incremental_save(self, path, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_save(self%handle, c_text(path)), stat, errmsg)
  end subroutine

  subroutine incremental_free(self)
    class(fieldfold_incremental), intent(inout) :: self
    call c_incremental_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  impure elemental subroutine incremental_final(self)
    type(fieldfold_incremental), intent(inout) :: self
    call c_incremental_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  !> Distributes the points of states among ranks, before the first state.
  subroutine incremental_set_communicator(self, communicator, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    class(fieldfold_communicator), intent(in) :: communicator
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_set_communicator(self%handle, communicator%handle), stat, errmsg)
  end subroutine

  !> Loads progress, of which each rank reads its points.
  subroutine incremental_load_on_ranks(self, path, communicator, stat, errmsg, num_pts)
    class(fieldfold_incremental), intent(inout) :: self
    character(len=*), intent(in) :: path
    class(fieldfold_communicator), intent(in) :: communicator
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    integer(c_size_t), intent(in), target, optional :: num_pts !< of this rank; none: an equal share
    type(c_ptr) :: made, number
    made = c_null_ptr
    number = c_null_ptr
    if (present(num_pts)) number = c_loc(num_pts)
    call report(c_incremental_load_on_ranks(c_text(path), communicator%handle, number, made), stat, errmsg)
    call replace_incremental(self, made, stat)
  end subroutine

  subroutine incremental_set_coords(self, coords, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    real(c_double), intent(in) :: coords(:, :) !< (dim, num_pts)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_set_coords(self%handle, coords, size(coords, 2, c_size_t), size(coords, 1, c_size_t)), &
                stat, errmsg)
  end subroutine

  subroutine incremental_add_f64(self, state, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    real(c_double), intent(in) :: state(:) !< (dof)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_add_f64(self%handle, state, 1_c_size_t, size(state, kind=c_size_t)), stat, errmsg)
  end subroutine

  subroutine incremental_add_f32(self, state, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    real(c_float), intent(in) :: state(:)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_add_f32(self%handle, state, 1_c_size_t, size(state, kind=c_size_t)), stat, errmsg)
  end subroutine

  subroutine incremental_add_states_f64(self, states, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    real(c_double), intent(in) :: states(:, :) !< (dof, count)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_add_f64(self%handle, states, size(states, 2, c_size_t), size(states, 1, c_size_t)), stat, &
                errmsg)
  end subroutine

  subroutine incremental_add_states_f32(self, states, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    real(c_float), intent(in) :: states(:, :)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_add_f32(self%handle, states, size(states, 2, c_size_t), size(states, 1, c_size_t)), stat, &
                errmsg)
  end subroutine

  subroutine incremental_merge(self, other, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    class(fieldfold_incremental), intent(in) :: other
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_merge(self%handle, other%handle), stat, errmsg)
  end subroutine

  subroutine incremental_update(self, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_incremental_update(self%handle), stat, errmsg)
  end subroutine

  subroutine incremental_finish(self, svd, stat, errmsg)
    class(fieldfold_incremental), intent(in) :: self
    type(fieldfold_svd), intent(inout) :: svd
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_incremental_finish(self%handle, made), stat, errmsg)
    call replace_svd(svd, made, stat)
  end subroutine

  function incremental_num_samples(self)
    class(fieldfold_incremental), intent(in) :: self
    integer(c_size_t) :: incremental_num_samples
    incremental_num_samples = c_incremental_num_samples(self%handle)
  end function

  function incremental_num_dropped(self)
    class(fieldfold_incremental), intent(in) :: self
    integer(c_size_t) :: incremental_num_dropped
    incremental_num_dropped = c_incremental_num_dropped(self%handle)
  end function

  function incremental_rank(self)
    class(fieldfold_incremental), intent(in) :: self
    integer(c_size_t) :: incremental_rank
    incremental_rank = c_incremental_rank(self%handle)
  end function

  function incremental_error_bound(self)
    class(fieldfold_incremental), intent(in) :: self
    real(c_double) :: incremental_error_bound
    incremental_error_bound = c_incremental_error_bound(self%handle)
  end function

  subroutine operator_create(self, points, queries, options, stat, errmsg)
    class(fieldfold_operator), intent(inout) :: self
    real(c_double), intent(in) :: points(:, :)  !< (dim, num_points)
    real(c_double), intent(in) :: queries(:, :) !< (dim, num_queries)
    character(len=*), intent(in) :: options     !< JSON; blank: the defaults
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    if (.not. fits('queries', 1, size(points, 1, c_size_t), size(queries, 1, c_size_t), stat, errmsg)) return
    call report(c_operator_create(points, size(points, 2, c_size_t), queries, size(queries, 2, c_size_t), &
                                  size(points, 1, c_size_t), c_text(options), made), stat, errmsg)
    call replace_operator(self, made, stat)
  end subroutine

  !> The same between points and queries of all ranks, of which each has some.
  subroutine operator_create_on_ranks(self, communicator, points, queries, options, stat, errmsg)
    class(fieldfold_operator), intent(inout) :: self
    class(fieldfold_communicator), intent(in) :: communicator
    real(c_double), intent(in) :: points(:, :)  !< (dim, num_points)
    real(c_double), intent(in) :: queries(:, :) !< (dim, num_queries)
    character(len=*), intent(in) :: options     !< JSON; blank: the defaults
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    integer(c_int) :: status
    made = c_null_ptr
    if (.not. fits('queries', 1, size(points, 1, c_size_t), size(queries, 1, c_size_t), stat, errmsg)) then
      status = c_communicator_refuse(communicator%handle, c_text(sentence_of(errmsg)))
      return
    end if
    call report(c_operator_create_on_ranks(communicator%handle, points, size(points, 2, c_size_t), queries, &
                                           size(queries, 2, c_size_t), size(points, 1, c_size_t), c_text(options), &
                                           made), stat, errmsg)
    call replace_operator(self, made, stat)
  end subroutine

  subroutine operator_load(self, path, stat, errmsg)
    class(fieldfold_operator), intent(inout) :: self
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    type(c_ptr) :: made
    made = c_null_ptr
    call report(c_operator_load(c_text(path), made), stat, errmsg)
    call replace_operator(self, made, stat)
  end subroutine

  subroutine replace_operator(self, made, stat)
    class(fieldfold_operator), intent(inout) :: self
    type(c_ptr), intent(in) :: made
    integer, intent(in) :: stat
    if (stat /= fieldfold_ok) return
    call c_operator_free(self%handle)
    self%handle = made
  end subroutine

  subroutine operator_save(self, path, stat, errmsg)
    class(fieldfold_operator), intent(in) :: self
    character(len=*), intent(in) :: path
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    call report(c_operator_save(self%handle, c_text(path)), stat, errmsg)
  end subroutine

  subroutine operator_free(self)
    class(fieldfold_operator), intent(inout) :: self
    call c_operator_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  impure elemental subroutine operator_final(self)
    type(fieldfold_operator), intent(inout) :: self
    call c_operator_free(self%handle)
    self%handle = c_null_ptr
  end subroutine

  function operator_num_points(self)
    class(fieldfold_operator), intent(in) :: self
    integer(c_size_t) :: operator_num_points
    operator_num_points = c_operator_num_points(self%handle)
  end function

  function operator_num_queries(self)
    class(fieldfold_operator), intent(in) :: self
    integer(c_size_t) :: operator_num_queries
    operator_num_queries = c_operator_num_queries(self%handle)
  end function

  subroutine operator_apply(self, values, results, stat, errmsg)
    class(fieldfold_operator), intent(in) :: self
    real(c_double), intent(in) :: values(:, :)     !< (columns, num_points)
    real(c_double), intent(inout) :: results(:, :) !< (columns, num_queries)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_values(shape(values, c_size_t), self%num_points(), shape(results, c_size_t), self%num_queries(), stat, &
                   errmsg)) then
      call report(c_operator_apply(self%handle, values, size(values, 1, c_size_t), results), stat, errmsg)
    else
      call refuse_values(self, errmsg)
    end if
  end subroutine

  subroutine operator_apply_transposed(self, values, results, stat, errmsg)
    class(fieldfold_operator), intent(in) :: self
    real(c_double), intent(in) :: values(:, :)     !< (columns, num_queries)
    real(c_double), intent(inout) :: results(:, :) !< (columns, num_points)
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    if (are_values(shape(values, c_size_t), self%num_queries(), shape(results, c_size_t), self%num_points(), stat, &
                   errmsg)) then
      call report(c_operator_apply_transposed(self%handle, values, size(values, 1, c_size_t), results), stat, errmsg)
    else
      call refuse_values(self, errmsg)
    end if
  end subroutine

  function are_values(values, from, results, to, stat, errmsg)
    integer(c_size_t), intent(in) :: values(2), from, results(2), to
    integer, intent(out) :: stat
    character(len=*), intent(inout), optional :: errmsg
    logical :: are_values
    are_values = .true.
    if (from == 0) return ! the call itself reports that
    are_values = fits('values', 2, from, values(2), stat, errmsg)
    if (are_values) are_values = fits('results', 2, to, results(2), stat, errmsg)
    if (are_values) are_values = fits('results', 1, values(1), results(1), stat, errmsg)
  end function

end module fieldfold
