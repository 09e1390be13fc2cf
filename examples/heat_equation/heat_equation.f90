!> The heat equation on a square plate, compressed while it is solved: no state is stored.
!>
!> Explicit differences of second order, with a source that moves in a circle. Each state is added to an incremental SVD;
!> the map is saved, and the last state is reconstructed from its coefficients.
program heat_equation
  use, intrinsic :: iso_fortran_env, only: real64
  use fieldfold
  implicit none
  integer, parameter :: n = 64, steps = 2000, every = 10
  real(real64), parameter :: width = 1.0_real64/n, dt = 0.2_real64*width**2, pi = acos(-1.0_real64)
  real(real64) :: t(0:n + 1, 0:n + 1), source(n, n), x(n), coords(2, n*n), angle
  real(real64), allocatable :: latent(:), state(:), again(:)
  type(fieldfold_incremental) :: incremental
  type(fieldfold_svd) :: svd
  character(len=200) :: errmsg
  integer :: i, j, step, stat

  x = [((i - 0.5_real64)*width, i=1, n)]
  coords = reshape([((x(i), x(j), i=1, n), j=1, n)], [2, n*n])
  call incremental%create('{"fields": ["T"], "max_rank": 20, "tolerance": 1e-4}', stat, errmsg)
  if (stat == fieldfold_ok) call incremental%set_coords(coords, stat, errmsg)
  call check(stat)

  t = 0
  do step = 1, steps
    angle = 2*pi*step/500
    do j = 1, n
      source(:, j) = 100*exp(-((x - 0.5 - 0.25*cos(angle))**2 + (x(j) - 0.5 - 0.25*sin(angle))**2)/0.005)
    end do
    t(1:n, 1:n) = t(1:n, 1:n) + dt*(source + (t(0:n - 1, 1:n) + t(2:n + 1, 1:n) + t(1:n, 0:n - 1) + t(1:n, 2:n + 1) &
                                             - 4*t(1:n, 1:n))/width**2)
    if (mod(step, every) /= 0) cycle
    state = reshape(t(1:n, 1:n), [n*n])
    call incremental%add(state, stat, errmsg)
    call check(stat)
  end do

  call incremental%finish(svd, stat, errmsg)
  call check(stat)
  call svd%save('heat_equation.fold', stat, errmsg)
  call check(stat)
  allocate (latent(svd%rank()), again(svd%dof()))
  call svd%compress(state, latent, stat, errmsg)
  call check(stat)
  call svd%reconstruct(latent, again, stat, errmsg)
  call check(stat)
  print '(i0, a, i0, a, i0, a, es7.1)', svd%num_samples(), ' states of ', svd%dof(), ' numbers: rank ', svd%rank(), &
    ', bound of the relative error ', incremental%error_bound()
  print '(a, es7.1)', 'relative error of the last state: ', norm2(again - state)/norm2(state)

contains

  subroutine check(stat)
    integer, intent(in) :: stat
    if (stat == fieldfold_ok) return
    print '(a)', trim(errmsg)
    error stop 1
  end subroutine

end program heat_equation
