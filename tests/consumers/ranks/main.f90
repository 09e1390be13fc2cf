!> Learns, uses and merges maps on the ranks of MPI, and sees the failure of one as that of all.
program consumer
  use, intrinsic :: iso_c_binding, only: c_size_t
  use, intrinsic :: iso_fortran_env, only: real64
  use mpi_f08
  use fieldfold
  use fieldfold_mpi
  implicit none
  integer, parameter :: num_pts = 40, num_samples = 12
  real(real64), parameter :: pi = acos(-1d0)
  type(fieldfold_communicator) :: ranks
  type(fieldfold_svd) :: svd, loaded, merged
  type(fieldfold_incremental) :: incremental
  type(fieldfold_operator) :: op
  real(real64), allocatable :: states(:, :), again(:, :), s(:), points(:, :), values(:, :), results(:, :)
  real(real64) :: latent(2, num_samples)
  integer(c_size_t) :: first, count
  character(len=200) :: errmsg
  integer :: i, j, stat, wrong, all_wrong, last
  wrong = 0

  call fieldfold_mpi_communicator(MPI_COMM_WORLD, ranks, stat, errmsg)
  call expect(stat == fieldfold_not_ready, 'before MPI_Init')
  call MPI_Init()
  call fieldfold_mpi_communicator(MPI_COMM_WORLD, ranks, stat, errmsg)
  call expect(stat == fieldfold_ok, 'communicator: '//errmsg)

  call ranks%share(int(num_pts, c_size_t), first, count)
  states = reshape([((snapshot(i, j), i=int(first), int(first + count) - 1), j=1, num_samples)], &
                   [int(count), num_samples])
  call svd%create('{"rank": 2}', stat, errmsg)
  call svd%set_communicator(ranks, stat, errmsg)
  call expect(stat == fieldfold_ok, 'set_communicator: '//errmsg)
  call svd%fit(states, stat, errmsg)
  call expect(stat == fieldfold_ok, 'fit: '//errmsg)
  call expect_singular_values(svd, 'points')
  call svd%compress(states, latent, stat, errmsg)
  call expect(stat == fieldfold_ok, 'compress: '//errmsg)
  allocate (again, mold=states)
  call svd%reconstruct(latent, again, stat, errmsg)
  call expect(all(abs(again - states) < 1d-12), 'reconstruction')

  ! An array of the last rank that does not fit is an error on all.
  last = int(ranks%size()) - 1
  if (ranks%rank() == last) then
    call svd%compress(states, latent(:1, :), stat, errmsg)
  else
    call svd%compress(states, latent, stat, errmsg)
  end if
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'latent: expected axis 1') == 1, &
              'a failure of one rank: '//errmsg)

  call svd%save('fortran_ranks.fold', stat, errmsg)
  call expect(stat == fieldfold_ok, 'save: '//errmsg)
  call loaded%load_on_ranks('fortran_ranks.fold', ranks, stat, errmsg, count)
  call expect(stat == fieldfold_ok .and. loaded%dof() == count, 'load_on_ranks: '//errmsg)

  call incremental%create('{"max_rank": 2}', stat, errmsg)
  call incremental%set_communicator(ranks, stat, errmsg)
  do j = 1, num_samples
    call incremental%add(states(:, j), stat, errmsg)
    call expect(stat == fieldfold_ok, 'add: '//errmsg)
  end do
  call incremental%finish(merged, stat, errmsg)
  call expect_singular_values(merged, 'increments')

  call ranks%share(int(num_samples, c_size_t), first, count)
  states = reshape([((snapshot(i, j), i=1, num_pts), j=int(first), int(first + count) - 1)], [num_pts, int(count)])
  call svd%create('{"rank": 2}', stat, errmsg)
  call svd%fit(states, stat, errmsg)
  call svd%merge_ranks(ranks, '{"rank": 2}', merged, stat, errmsg)
  call expect(stat == fieldfold_ok, 'merge_ranks: '//errmsg)
  call expect_singular_values(merged, 'merged maps')
  call svd%create('{"rank": 2}', stat, errmsg)
  call svd%set_communicator(ranks, stat, errmsg)
  call svd%fit_samples(states, stat, errmsg)
  call expect(stat == fieldfold_ok, 'fit_samples: '//errmsg)
  call expect_singular_values(svd, 'exchanged samples')

  allocate (points(2, 60), values(1, 60), results(1, 60))
  do i = 1, 60
    j = i + 60*int(ranks%rank())
    points(:, i) = [mod(0.618034d0*j, 1d0), mod(0.754878d0*j, 1d0)]
  end do
  values(1, :) = 1 + 2*points(1, :) - points(2, :)
  if (ranks%rank() == last) then
    call op%create_on_ranks(ranks, points, points(:1, :), '', stat, errmsg)
  else
    call op%create_on_ranks(ranks, points, points, '', stat, errmsg)
  end if
  call expect(stat == fieldfold_invalid_argument .and. index(errmsg, 'queries: expected axis 1') == 1, &
              'queries of one rank: '//errmsg)
  call op%create_on_ranks(ranks, points, 0.5d0*points, '{"neighbors": 12, "degree": 1}', stat, errmsg)
  call expect(stat == fieldfold_ok, 'create_on_ranks: '//errmsg)
  call op%apply(values, results, stat, errmsg)
  call expect(all(abs(results(1, :) - 1 - points(1, :) + 0.5d0*points(2, :)) < 1d-11), 'a linear function')
  call ranks%free()
  call op%free()
  call svd%free()
  call loaded%free()
  call incremental%free()

  call MPI_Allreduce(wrong, all_wrong, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD)
  call MPI_Finalize()
  if (all_wrong > 0) error stop 1

contains

  subroutine expect(holds, what)
    logical, intent(in) :: holds
    character(len=*), intent(in) :: what
    if (holds) return
    wrong = wrong + 1
    print '(a)', 'wrong: '//trim(what)
  end subroutine

  subroutine expect_singular_values(of, what)
    type(fieldfold_svd), intent(in) :: of
    character(len=*), intent(in) :: what
    call of%singular_values(s, stat, errmsg)
    call expect(abs(s(1) - 5) < 1d-12 .and. abs(s(2) - 2) < 1d-12, 'singular values of '//what)
  end subroutine

  !> Entry i of the k-th of n orthonormal vectors, those of the discrete cosine transform.
  pure real(real64) function cosine(k, i, n)
    integer, intent(in) :: k, i, n
    cosine = sqrt(2d0/n)*cos(pi*k*(i - 0.5d0)/n)
  end function

  !> Snapshots with the singular values 5 and 2.
  pure real(real64) function snapshot(i, j)
    integer, intent(in) :: i, j
    snapshot = 5*cosine(1, i, num_pts)*cosine(1, j, num_samples) + 2*cosine(2, i, num_pts)*cosine(2, j, num_samples)
  end function

end program consumer
