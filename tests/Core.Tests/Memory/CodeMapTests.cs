using System.Runtime.InteropServices;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Core.Tests.Memory;

/// <summary>While a frame holds code no soft TLB entry leads stores to it, whatever came and went before.</summary>
public sealed unsafe class CodeMapTests : IDisposable
{
    private const int Cells = 12;
    private const uint Frames = 3;

    private readonly GuestRam _ram = new(2 << 20);
    private readonly CodeMap _map;
    private readonly ulong* _cells = (ulong*)NativeMemory.AllocZeroed(Cells, sizeof(ulong));
    private int _timesTaken;

    public CodeMapTests() => _map = new CodeMap(_ram) { EntriesTaken = () => _timesTaken++ };

    public void Dispose()
    {
        _map.Dispose();
        _ram.Dispose();
        NativeMemory.Free(_cells);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Code_takes_every_entry_to_its_frame_and_no_other(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 20_000; round++)
        {
            int cell = random.Next(Cells);
            uint frame = (uint)random.Next((int)Frames);
            switch (random.Next(12))
            {
                case 0:
                    ulong[] before = new ReadOnlySpan<ulong>(_cells, Cells).ToArray();
                    _timesTaken = 0;
                    _map.MarkCode(frame << 12, 64);
                    Assert.Equal(before.Select((value, i) => value == Value(frame, i) ? 0 : value), new ReadOnlySpan<ulong>(_cells, Cells).ToArray());
                    Assert.Equal(before.Where((value, i) => value == Value(frame, i)).Any() ? 1 : 0, _timesTaken);
                    _map.SetLines(frame, 0);
                    break;
                case < 6:
                    // A flush, which nobody is told of.
                    _cells[cell] = 0;
                    break;
                default:
                    Fill(cell, frame);
                    break;
            }

            Assert.InRange(_map.EntriesNoted(frame), 0, Cells + 1);
        }
    }

    [Fact]
    public void Pages_that_change_hands_between_a_few_places_do_not_make_the_list_longer()
    {
        Fill(0, 1);
        for (int i = 0; i < 1000; i++)
        {
            // Two of them at once, then none.
            Fill(1, 1);
            Fill(2, 1);
            _cells[1] = 0;
            _cells[2] = 0;
        }

        Assert.InRange(_map.EntriesNoted(1), 2, 4);
        _map.MarkCode(1 << 12, 1);
        Assert.All(new ReadOnlySpan<ulong>(_cells, Cells).ToArray(), static value => Assert.Equal(0ul, value));
    }

    [Fact]
    public void Entries_that_are_parked_stand_beside_their_cells()
    {
        byte* tables = HostMemory.Reserve(2 * AddressSpace.ParkedOffset, HostPages.Small);
        var cell = (ulong*)tables;
        *cell = Value(1, 0);
        _map.NoteWriteEntry(1, cell, *cell);
        _map.ParkWriteEntries(1);
        Assert.Equal(0ul, *cell);
        Assert.Equal(Value(1, 0), *(ulong*)(tables + AddressSpace.ParkedOffset));
        Assert.Equal(0, _map.EntriesNoted(1));
        HostMemory.Release(tables, 2 * AddressSpace.ParkedOffset);
    }

    private static ulong Value(uint frame, int cell) => 0x1_0000_0000ul + (frame << 12) - ((uint)cell << 12);

    private void Fill(int cell, uint frame)
    {
        _cells[cell] = Value(frame, cell);
        _map.NoteWriteEntry(frame, _cells + cell, _cells[cell]);
    }
}
