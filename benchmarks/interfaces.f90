!> Seconds of compressing a state of a million numbers, median of 101.
!> Usage: bench_fortran MAP_FILE
program interfaces
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use fieldfold
  implicit none
  type(fieldfold_svd) :: svd
  real(real64), allocatable :: state(:), latent(:)
  real(real64) :: seconds(101), best
  integer(int64) :: first, last, rate
  character(len=1000) :: path
  integer :: i, stat
  call get_command_argument(1, path)
  call svd%load(path, stat)
  if (stat /= fieldfold_ok) error stop 'the map cannot be read'
  allocate (state(svd%dof()), latent(svd%rank()), source=1.5_real64)
  do i = 1, size(seconds)
    call system_clock(first, rate)
    call svd%compress(state, latent, stat)
    call system_clock(last)
    seconds(i) = real(last - first, real64)/rate
  end do
  do i = 1, size(seconds)/2 + 1
    best = minval(seconds)
    seconds(minloc(seconds)) = huge(best)
  end do
  print '(a, f0.9)', 'Fortran 0', best
end program interfaces
