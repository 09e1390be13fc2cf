!> Folds and unfolds in both precisions, in situ and between grids, and sees each failure as a status.
program consumer
  use, intrinsic :: iso_c_binding, only: c_size_t
  use, intrinsic :: iso_fortran_env, only: real32, real64
  use fieldfold
  implicit none
  integer, parameter :: num_pts = 50, num_qoi = 2, dof = num_pts*num_qoi, num_samples = 12
  real(real64) :: coords(2, num_pts), states(dof, num_samples), again(dof, num_samples), latent(4, num_samples)
  real(real64) :: points(2, 1), fields(num_qoi, 1, num_samples), at_points(num_qoi, 1, num_samples)
  real(real64) :: padded(dof, 2*num_samples), values(1, num_pts), result(1, 1), spread(1, num_pts)
  real(real64) :: distances(num_samples)
  real(real64), allocatable :: ranges(:, :), s(:), basis(:, :), errors(:), mean(:)
  real(real32) :: single(dof, num_samples), single_latent(4, num_samples), single_again(dof, num_samples)
  integer(c_size_t) :: locations(5)
  type(fieldfold_svd) :: svd, copy, loaded, none
  type(fieldfold_incremental) :: incremental, other
  type(fieldfold_operator) :: op, loaded_op
  character(len=200) :: errmsg
  integer :: i, j, stat, wrong
  wrong = 0

  do i = 1, num_pts
    coords(:, i) = [mod(0.618034d0*i, 1d0), mod(0.754878d0*i, 1d0)]
    do j = 1, num_samples
      states(num_qoi*(i - 1) + 1, j) = cos(0.5d0*j)*coords(1, i) + sin(0.3d0*j)
      states(num_qoi*(i - 1) + 2, j) = j*coords(2, i) - cos(0.2d0*j)
    end do
  end do

  call svd%create('{"fields": ["ux", "uy"], "rank": 4}', stat, errmsg)
  call expect_ok('create')
  call svd%set_coords(coords, stat, errmsg)
  call expect_ok('set_coords')
  ! Every other column: not contiguous.
  padded(:, 1::2) = states
  padded(:, 2::2) = 1d30
  call svd%fit(padded(:, 1::2), stat, errmsg)
  call expect_ok('fit')
  call expect(svd%rank() == 4 .and. svd%dof() == dof .and. svd%num_pts() == num_pts .and. svd%num_qoi() == 2, 'sizes')
  call expect(svd%num_samples() == num_samples .and. svd%num_dropped() == 0 .and. svd%map_exists(), 'samples')
  call expect(svd%energy() > 1 - 1d-12 .and. svd%reconstruction_error() < 1d-6, 'energy')
  call svd%compress(states, latent, stat, errmsg)
  call expect_ok('compress')
  call svd%reconstruct(latent, again, stat, errmsg)
  call expect_ok('reconstruct')
  call expect(maxval(abs(again - states)) < 1d-12, 'reconstruction')
  call svd%compress(states(:, 3), latent(:, 1), stat, errmsg)
  call svd%reconstruct(latent(:, 1), again(:, 1), stat, errmsg)
  call expect(maxval(abs(again(:, 1) - states(:, 3))) < 1d-12, 'reconstruction of one')
  call svd%compress(states, latent, stat, errmsg)
  call svd%singular_values(s, stat, errmsg)
  call expect(size(s) == num_samples .and. all(s(2:) <= s(:num_samples - 1)), 'singular values')
  call svd%basis(basis, stat, errmsg)
  call expect(maxval(abs(matmul(basis, states) - latent)) < 1d-12*s(1), 'basis')
  call svd%latent_ranges(0d0, ranges, stat, errmsg)
  call expect(maxval(abs(ranges(2, :) - maxval(latent, 2))) < 1d-12*s(1), 'ranges')
  call svd%snapshot_errors(errors, stat, errmsg)
  call expect(size(errors) == num_samples .and. maxval(errors) < 1d-6, 'errors')
  call svd%mean(mean, stat, errmsg)
  call expect(stat == fieldfold_not_ready .and. index(errmsg, 'no mean snapshot') > 0, 'mean of a map that is not centred')
  call svd%distances(states, distances, stat, errmsg)
  call expect(stat == fieldfold_ok .and. maxval(distances) < 1d-12, 'distances')
  call svd%sensors(locations, stat, errmsg)
  call expect(stat == fieldfold_ok .and. minval(locations) >= 1 .and. maxval(locations) <= dof, 'sensors')

  ! Linear fields are reproduced between the points.
  points(:, 1) = [0.5d0, 0.5d0]
  call svd%interpolate_from_grid(states, points, fields, stat, errmsg)
  call expect_ok('interpolate_from_grid')
  call expect(abs(fields(1, 1, 1) - (cos(0.5d0)*0.5d0 + sin(0.3d0))) < 1d-9, 'interpolation')
  call svd%reconstruct_at(latent, points, at_points, stat, errmsg)
  call expect(stat == fieldfold_ok .and. maxval(abs(at_points - fields)) < 1d-9, 'reconstruct_at')
  call svd%interpolate_to_grid(coords, reshape(states, [num_qoi, num_pts, num_samples]), again, stat, errmsg)
  call expect(stat == fieldfold_ok .and. all(again == states), 'interpolate_to_grid on the grid')

  ! Single precision.
  single = real(states, real32)
  copy = svd
  call copy%fit(single, stat, errmsg)
  call expect_ok('fit in single precision')
  call copy%compress(single, single_latent, stat, errmsg)
  call copy%reconstruct(single_latent, single_again, stat, errmsg)
  call expect(stat == fieldfold_ok .and. maxval(abs(single_again - single)) < 1e-4, 'single precision')
  call svd%compress(states, latent, stat, errmsg)
  call expect(stat == fieldfold_ok, 'a copy is independent')

  call svd%save('fortran.fold', stat, errmsg)
  call expect_ok('save')
  call loaded%load('fortran.fold', stat, errmsg)
  call expect(stat == fieldfold_ok .and. loaded%energy() == svd%energy(), 'load')

  ! In situ, and from a file.
  call incremental%create('{"max_rank": 6}', stat, errmsg)
  do j = 1, 7
    call incremental%add(states(:, j), stat, errmsg)
    call expect_ok('add')
  end do
  call incremental%save('fortran_progress.fold', stat, errmsg)
  call other%load('fortran_progress.fold', stat, errmsg)
  call other%add(states(:, 8:), stat, errmsg)
  call expect_ok('add after load')
  call other%finish(loaded, stat, errmsg)
  call expect(stat == fieldfold_ok .and. loaded%rank() == 4 .and. other%num_samples() == num_samples .and. &
              other%error_bound() < 1d-6 .and. other%rank() >= 4 .and. other%num_dropped() == 0, 'finish')
  call incremental%merge(other, stat, errmsg)
  call incremental%update(stat, errmsg)
  call expect(stat == fieldfold_ok .and. incremental%num_samples() == num_samples + 7, 'merge')

  ! An operator, and its transpose, which keeps sums.
  values(1, :) = 2*coords(1, :) - coords(2, :)
  call op%create(coords, points, '{"kernel": "cubic"}', stat, errmsg)
  call expect_ok('operator')
  call op%apply(values, result, stat, errmsg)
  call expect(stat == fieldfold_ok .and. abs(result(1, 1) - 0.5d0) < 1d-10, 'apply')
  call op%save('fortran.foldop', stat, errmsg)
  call loaded_op%load('fortran.foldop', stat, errmsg)
  call loaded_op%apply_transposed(result, spread, stat, errmsg)
  call expect(stat == fieldfold_ok .and. abs(sum(spread) - result(1, 1)) < 1d-10, 'apply_transposed')
  call expect(op%num_points() == num_pts .and. op%num_queries() == 1, 'sizes of an operator')

  ! Failures.
  call svd%compress(states(:dof - 1, :), latent, stat, errmsg)
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'states: expected axis 1') == 1, 'wrong length')
  call svd%compress(states, latent(:, :3), stat, errmsg)
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'latent: expected axis 2') == 1, 'wrong count')
  call svd%interpolate_from_grid(states, coords, fields, stat, errmsg)
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'fields: expected axis 2') == 1, 'wrong points')
  call none%compress(states, latent, stat, errmsg)
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'null') > 0, 'no handle')
  call none%create('{"rnak": 4}', stat, errmsg)
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'spec: expected keys among') == 1, 'unknown key')
  call none%create(' ', stat)
  call none%compress(states, latent, stat, errmsg)
  call expect(stat == fieldfold_not_ready, 'no map')
  call svd%fit(0*states, stat, errmsg)
  call expect(stat == fieldfold_invalid_argument .and. svd%rank() == 4, 'zeros leave the map')
  call svd%load('missing.fold', stat, errmsg)
  call expect(stat == fieldfold_file_error .and. svd%rank() == 4, 'missing file')
  call svd%free()
  call svd%free()
  call svd%compress(states, latent, stat)
  call expect(stat == fieldfold_invalid_argument, 'freed')

  if (wrong > 0) error stop 1
  print '(a, a, a)', 'fieldfold ', fieldfold_version(), ' from Fortran: right'

contains

  subroutine expect_ok(what)
    character(len=*), intent(in) :: what
    call expect(stat == fieldfold_ok, what//': '//errmsg)
  end subroutine

  subroutine expect(holds, what)
    logical, intent(in) :: holds
    character(len=*), intent(in) :: what
    if (holds) return
    print '(a, a)', 'wrong: ', trim(what)
    wrong = wrong + 1
  end subroutine

end program consumer
