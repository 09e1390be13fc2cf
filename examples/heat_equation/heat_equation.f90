!> The heat equation on a square plate, solved on several threads and compressed while it is solved: no state is stored.
!>
!> A source moves a hot spot in a circle. The temperature is known in closed form, so that the errors of the solver, of
!> the compression and of both together are measured.
program heat_equation
  use, intrinsic :: iso_fortran_env, only: real64
  use fieldfold
  use omp_lib, only: omp_get_max_threads
  implicit none
  integer, parameter :: n = 128, snapshots = 256 !< cells along a side; states in one round of the spot
  real(real64), parameter :: pi = acos(-1.0_real64), side = 1, spot = 0.1_real64, radius = 0.25_real64 !< in m
  real(real64), parameter :: diffusivity = 1e-4_real64, period = 125, peak = 100 !< in m^2/s, s, K
  real(real64) :: t(0:n + 1, 0:n + 1), state(n*n), x(0:n + 1), coords(2, n, n)
  real(real64) :: coarse, fine, order, bound, compression, both, norm
  real(real64), allocatable :: latent(:), again(:)
  type(fieldfold_incremental) :: incremental
  type(fieldfold_svd) :: svd
  character(len=200) :: errmsg
  integer :: i, j, snapshot, stat

  x = centers(n)
  call incremental%create('{"fields": ["T"], "max_rank": 40, "tolerance": 1e-3}', stat, errmsg)
  do j = 1, n
    do i = 1, n
      coords(:, i, j) = [x(i), x(j)]
    end do
  end do
  if (stat == fieldfold_ok) call incremental%set_coords(reshape(coords, [2, n*n]), stat, errmsg)
  call check(stat)
  t = closed_form(n, 0.0_real64)
  do snapshot = 1, snapshots
    call advance(n, snapshot, t)
    state = reshape(t(1:n, 1:n), [n*n])
    call incremental%add(state, stat, errmsg)
    call check(stat)
  end do
  call incremental%finish(svd, stat, errmsg)
  call check(stat)
  call svd%save('heat_equation.fold', stat, errmsg)
  call check(stat)

  ! No state was stored: they are computed once more, to be compared with their reconstructions.
  allocate (latent(svd%rank()), again(svd%dof()))
  compression = 0
  both = 0
  norm = 0
  t = closed_form(n, 0.0_real64)
  do snapshot = 1, snapshots
    call advance(n, snapshot, t)
    state = reshape(t(1:n, 1:n), [n*n])
    call svd%compress(state, latent, stat, errmsg)
    if (stat == fieldfold_ok) call svd%reconstruct(latent, again, stat, errmsg)
    call check(stat)
    compression = compression + sum((again - state)**2)
    norm = norm + sum(state**2)
    both = both + sum((reshape(again, [n, n]) - inside(n, closed_form(n, snapshot*period/snapshots)))**2)
  end do
  compression = sqrt(compression/norm)
  both = sqrt(both/(snapshots*n**2))
  coarse = solver_error(n/2)
  fine = solver_error(n)
  order = log(coarse/fine)/log(2.0_real64)
  bound = incremental%error_bound()

  print '(4(a, i0))', 'states ', svd%num_samples(), ', numbers ', svd%dof(), ', rank ', svd%rank(), ', threads ', &
    omp_get_max_threads()
  print '(a, es10.2, a)', 'relative error of the compression       ', compression
  print '(a, es10.2, a)', '  bound that the incremental SVD gives  ', bound
  print '(a, es10.2, a)', 'error of the solver, half as many cells ', coarse, ' K'
  print '(a, es10.2, a)', 'error of the solver                     ', fine, ' K'
  print '(a, f7.2)', '  order of convergence                  ', order
  print '(a, es10.2, a)', 'error of the reconstructions            ', both, ' K'
  print '(a, es10.2, a)', '  at most, by the triangle inequality   ', fine + bound*sqrt(norm/(snapshots*n**2)), ' K'
  if (.not. compression <= bound) error stop 'the error of the compression is above its bound'
  if (.not. abs(order - 2) < 0.1) error stop 'the solver does not converge with second order'
  if (.not. both <= fine + bound*sqrt(norm/(snapshots*n**2))) error stop 'the triangle inequality is violated'

contains

  !> Centers of the cells along a side, and of one more cell outside each edge.
  pure function centers(cells) result(x)
    integer, intent(in) :: cells
    real(real64) :: x(0:cells + 1)
    integer :: i
    x = [((i - 0.5_real64)*side/cells, i=0, cells + 1)]
  end function

  !> The center of the spot.
  pure function center(time)
    real(real64), intent(in) :: time
    real(real64) :: center(2)
    center = side/2 + radius*[cos(2*pi*time/period), sin(2*pi*time/period)]
  end function

  !> The temperature at the centers of cells, a Gaussian around the center of the spot.
  pure function closed_form(cells, time) result(t)
    integer, intent(in) :: cells
    real(real64), intent(in) :: time
    real(real64) :: t(0:cells + 1, 0:cells + 1), along(0:cells + 1, 2), from(2)
    integer :: axis, j
    from = center(time)
    do axis = 1, 2
      along(:, axis) = exp(-(centers(cells) - from(axis))**2/(2*spot**2))
    end do
    do j = 0, cells + 1
      t(:, j) = peak*along(:, 1)*along(j, 2)
    end do
  end function

  !> Advances a plate from one snapshot to the next by explicit differences of second order. The source is what the
  !> closed form leaves of the heat equation, and the cells outside the edges have the closed form.
  subroutine advance(cells, snapshot, t)
    integer, intent(in) :: cells, snapshot
    real(real64), intent(inout) :: t(0:cells + 1, 0:cells + 1)
    real(real64) :: exact(0:cells + 1, 0:cells + 1), change(cells, cells), x(0:cells + 1), from(2), velocity(2)
    real(real64) :: width, dt, time, r(2)
    integer :: steps, step, i, j
    x = centers(cells)
    width = side/cells
    ! A fifth of width^2 / diffusivity, or a little less; a quarter is the limit of stability.
    steps = ceiling(5*diffusivity*period/(width**2*snapshots))
    dt = period/(snapshots*steps)
    do step = 0, steps - 1
      time = (snapshot - 1)*period/snapshots + step*dt
      from = center(time)
      velocity = 2*pi/period*[side/2 - from(2), from(1) - side/2]
      exact = closed_form(cells, time)
      t([0, cells + 1], :) = exact([0, cells + 1], :)
      t(:, [0, cells + 1]) = exact(:, [0, cells + 1])
      !$omp parallel do private(i, r)
      do j = 1, cells
        do i = 1, cells
          r = [x(i) - from(1), x(j) - from(2)]
          change(i, j) = exact(i, j)*(sum(r*velocity) - diffusivity*(sum(r**2)/spot**2 - 2))/spot**2 + diffusivity &
            *(t(i - 1, j) + t(i + 1, j) + t(i, j - 1) + t(i, j + 1) - 4*t(i, j))/width**2
        end do
      end do
      !$omp parallel do
      do j = 1, cells
        t(1:cells, j) = t(1:cells, j) + dt*change(:, j)
      end do
    end do
  end subroutine

  !> The root mean square error of the solver over all snapshots.
  function solver_error(cells) result(error)
    integer, intent(in) :: cells
    real(real64) :: error, t(0:cells + 1, 0:cells + 1)
    integer :: snapshot
    t = closed_form(cells, 0.0_real64)
    error = 0
    do snapshot = 1, snapshots
      call advance(cells, snapshot, t)
      error = error + sum(inside(cells, t - closed_form(cells, snapshot*period/snapshots))**2)
    end do
    error = sqrt(error/(snapshots*cells**2))
  end function

  !> The cells of a plate without those outside its edges.
  pure function inside(cells, t)
    integer, intent(in) :: cells
    real(real64), intent(in) :: t(0:cells + 1, 0:cells + 1)
    real(real64) :: inside(cells, cells)
    inside = t(1:cells, 1:cells)
  end function

  subroutine check(stat)
    integer, intent(in) :: stat
    if (stat == fieldfold_ok) return
    print '(a)', trim(errmsg)
    error stop 1
  end subroutine

end program heat_equation
