using Lguest.Jit.Core.State;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>A Guest that executes garbage: a page of it, registers, and page tables with a few bad entries.</summary>
internal sealed class RandomGuest
{
    private readonly List<(uint Physical, uint Value)> _spoilt = [];
    private readonly HostileStart _start;
    private readonly byte[] _page;
    private readonly uint _code;

    private RandomGuest(HostileStart start, byte[] page, uint code)
    {
        _start = start;
        _page = page;
        _code = code;
    }

    /// <summary>Where in the garbage it starts, virtual.</summary>
    public uint Eip { get; private init; }

    /// <param name="random">Decides everything.</param>
    /// <param name="start">How it gets there.</param>
    /// <param name="page">Is filled with the garbage.</param>
    /// <param name="registers">Are filled too.</param>
    public static RandomGuest Make(Random random, HostileStart start, byte[] page, uint[] registers)
    {
        CodePage.Fill(page, random);
        for (int i = 0; i < registers.Length; i++)
        {
            registers[i] = HostileWords.Word(random);
        }

        if (random.Next(4) != 0)
        {
            registers[Reg.Esp] = (start.User ? HostileLayout.UserStack : HostileLayout.KernelStack) - 64;
        }

        uint code = random.Next(8) == 0 ? HostileLayout.LastPage : HostileLayout.Code;
        uint eip = code + (uint)(random.Next(4) == 0 ? random.Next(0xFF0, 0x1000) : random.Next(0x1000));
        eip += start.Paging && random.Next(4) == 0 ? HostileLayout.KernelAddress : 0;
        var guest = new RandomGuest(start, page, code) { Eip = eip };
        if (start.Paging && random.Next(2) == 0)
        {
            guest.SpoilTables(random);
        }

        return guest;
    }

    /// <summary>Puts it into a machine's RAM.</summary>
    /// <param name="machine">Which.</param>
    /// <param name="hideTables">
    /// Keep the Guest from its own page tables. What comes of a changed entry before it is flushed depends on what a TLB happens
    /// to hold, which is nothing to compare.
    /// </param>
    public void LayOut(HostileMachine machine, bool hideTables = false)
    {
        machine.Prepare(_start);
        machine.Write(_code, _page);
        foreach ((uint physical, uint value) in _spoilt)
        {
            if (!hideTables || (!IsTable(value) && physical >> 12 != HostileLayout.PageDirectory >> 12))
            {
                machine[physical] = value;
            }
        }

        for (uint table = HostileLayout.PageDirectory; _start.Paging && hideTables && IsTable(table); table += 0x1000)
        {
            machine[HostileLayout.PageTable + (table >> 10)] = 0;
            machine[HostileLayout.KernelTable + (table >> 10)] = 0;
        }
    }

    private static bool IsTable(uint address) => address >> 12 is >= HostileLayout.PageDirectory >> 12 and <= HostileLayout.KernelTable >> 12;

    /// <summary>A few entries go bad; those of the entrance, stack and tables stay, so that the Guest gets as far as its garbage.</summary>
    private void SpoilTables(Random random)
    {
        uint table = random.Next(2) == 0 ? HostileLayout.PageTable : HostileLayout.KernelTable;
        _spoilt.Add((table + 4 * ((HostileLayout.Code >> 12) + 1), HostileWords.PageEntry(random)));
        for (int i = random.Next(8); i > 0; i--)
        {
            _spoilt.Add((table + 4 * (uint)random.Next(0x11, 0x400), HostileWords.PageEntry(random)));
        }

        if (random.Next(8) == 0)
        {
            _spoilt.Add((HostileLayout.PageDirectory + 4 * (uint)random.Next(1, 0x400), HostileWords.PageEntry(random)));
        }
    }
}
