using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Storage;

/// <summary>A disk over a disk, against an array that says what should be there.</summary>
public sealed unsafe class OverlayDiskTests : IDisposable
{
    /// <summary>Not a whole number of granules.</summary>
    private const int Sectors = 64 * 8 + 3;
    private const int Size = Sectors * 512;

    private readonly MemoryDisk _base = new(Sectors);
    private readonly Random _random = new(4096);

    public OverlayDiskTests() => _random.NextBytes(_base.Bytes);

    public void Dispose() => _base.Dispose();

    [Fact]
    public void It_reads_as_what_was_written_over_what_was_there_and_the_base_stays()
    {
        byte[] before = [.. _base.Bytes];
        byte[] model = [.. _base.Bytes];
        using var overlay = new OverlayDisk(_base, ownsBase: false);
        for (int i = 0; i < 3000; i++)
        {
            Change(overlay, model);
            if (i % 50 == 0)
            {
                Assert.Equal(model, ReadAll(overlay));
            }
        }

        Assert.Equal(model, ReadAll(overlay));
        Assert.Equal(before, _base.Bytes);
    }

    [Fact]
    public void It_goes_back_to_its_anchor_as_often_as_one_likes()
    {
        byte[] model = [.. _base.Bytes];
        using var overlay = new OverlayDisk(_base, ownsBase: false);
        overlay.KeepUndo();
        for (int leg = 0; leg < 20; leg++)
        {
            for (int i = 0; i < 30; i++)
            {
                Change(overlay, model);
            }

            overlay.Anchor();
            for (int visit = 0; visit < 3; visit++)
            {
                byte[] elsewhere = [.. model];
                for (int i = 0; i < 20; i++)
                {
                    Change(overlay, elsewhere);
                }

                Assert.Equal(elsewhere, ReadAll(overlay));
                overlay.Rollback();
                Assert.Equal(model, ReadAll(overlay));
            }
        }
    }

    [Fact]
    public void Two_threads_that_write_into_one_granule_lose_nothing()
    {
        using var overlay = new OverlayDisk(_base, ownsBase: false);
        byte[] model = [.. _base.Bytes];
        Parallel.For(0, Sectors, new ParallelOptions { MaxDegreeOfParallelism = 4 }, sector =>
        {
            byte[] data = new byte[512];
            new Random(sector).NextBytes(data);
            fixed (byte* first = data)
            {
                Assert.Equal(0, overlay.Write((ulong)sector * 512, [new HostPiece((nint)first, 512)]));
            }
        });
        for (int sector = 0; sector < Sectors; sector++)
        {
            new Random(sector).NextBytes(model.AsSpan(sector * 512, 512));
        }

        Assert.Equal(model, ReadAll(overlay));
    }

    [Fact]
    public void Where_the_base_cannot_be_read_the_write_of_a_part_fails_and_nothing_changes()
    {
        using var overlay = new OverlayDisk(_base, ownsBase: false);
        byte[] data = new byte[8192];
        fixed (byte* first = data)
        {
            _base.Error = HostError.InputOutput;
            Assert.Equal(HostError.InputOutput, overlay.Write(512, [new HostPiece((nint)first, 512)]));

            // Whole granules need nothing from below.
            Assert.Equal(HostError.None, overlay.Write(8192, [new HostPiece((nint)first, 8192)]));
            _base.Error = HostError.None;
        }

        byte[] model = [.. _base.Bytes];
        model.AsSpan(8192, 8192).Clear();
        Assert.Equal(model, ReadAll(overlay));
    }

    [Fact]
    public void A_huge_disk_of_which_little_is_written_costs_little()
    {
        using var overlay = new OverlayDisk(new HugeDisk(), ownsBase: true);
        byte[] data = new byte[512];
        data.AsSpan().Fill(5);
        fixed (byte* first = data)
        {
            Assert.Equal(0, overlay.Write((1UL << 43) - 4608, [new HostPiece((nint)first, 512)]));
            data.AsSpan().Clear();
            Assert.Equal(0, overlay.Read((1UL << 43) - 4608, [new HostPiece((nint)first, 512)]));
        }

        Assert.Equal(5, data[0]);
    }

    private void Change(OverlayDisk overlay, byte[] model)
    {
        int sector = _random.Next(Sectors);
        int sectors = Math.Min(_random.Next(1, 40), Sectors - sector);
        int offset = sector * 512;
        int length = sectors * 512;
        switch (_random.Next(4))
        {
            case 0:
                Assert.Equal(0, overlay.WriteZeroes((ulong)offset, (ulong)length, true));
                model.AsSpan(offset, length).Clear();
                break;
            case 1:
                // Whole granules read as zeroes; the rest stays, so that it is the same everywhere.
                Assert.Equal(0, overlay.Discard((ulong)offset, (ulong)length));
                int from = (offset + 4095) / 4096 * 4096;
                int to = (offset + length) / 4096 * 4096;
                model.AsSpan(Math.Min(from, to), Math.Max(to - from, 0)).Clear();
                break;
            default:
                byte[] data = new byte[length];
                _random.NextBytes(data);
                data.CopyTo(model, offset);
                int cut = _random.Next(length);
                fixed (byte* first = data)
                {
                    Assert.Equal(0, overlay.Write((ulong)offset, [new HostPiece((nint)first, (nuint)cut), new HostPiece((nint)first + cut, (nuint)(length - cut))]));
                }

                break;
        }
    }

    private static byte[] ReadAll(OverlayDisk overlay)
    {
        byte[] all = new byte[Size];
        fixed (byte* first = all)
        {
            Assert.Equal(0, overlay.Read(0, [new HostPiece((nint)first, 1000), new HostPiece((nint)first + 1000, Size - 1000)]));
        }

        return all;
    }

    /// <summary>8 TiB of nothing.</summary>
    private sealed class HugeDisk : DiskStore
    {
        public override ulong Size => 1UL << 43;

        public override bool IsReadOnly => true;

        public override int Read(ulong offset, ReadOnlySpan<HostPiece> pieces)
        {
            foreach (HostPiece piece in pieces)
            {
                piece.Bytes.Clear();
            }

            return HostError.None;
        }

        public override int Write(ulong offset, ReadOnlySpan<HostPiece> pieces) => HostError.NotPermitted;

        public override int Flush() => HostError.None;

        public override int Discard(ulong offset, ulong length) => HostError.NotPermitted;

        public override int WriteZeroes(ulong offset, ulong length, bool mayUnmap) => HostError.NotPermitted;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
