using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;

namespace Lguest.Jit.Core.Tests.Machine;

/// <summary>The quick way to load DS, ES, FS and GS comes to what the way by the book comes to, or says that it is not for this one.</summary>
public sealed unsafe class SegmentLoadTests
{
    private const int Entry = 20;

    [Theory]
    [InlineData(Seg.Ds, 0u)]
    [InlineData(Seg.Ds, 3u)]
    [InlineData(Seg.Es, 3u)]
    [InlineData(Seg.Fs, 1u)]
    [InlineData(Seg.Gs, 3u)]
    public void Whatever_the_descriptor_is_the_hidden_part_is_that_of_the_book(int number, uint rpl)
    {
        using var machine = new GuestMachine(4 << 20, new NoClock());
        GuestCpu* cpu = machine.Cpu;
        Segments.LoadFlatKernel(cpu);
        uint selector = (Entry << 3) | rpl;
        int quick = 0;
        for (uint access = 0; access < 0x100; access++)
        {
            for (uint flags = 0; flags < 0x10; flags++)
            {
                foreach (uint limit in (uint[])[0xFFFFF, 0xFFFFE, 0])
                {
                    foreach (uint at in (uint[])[0, 0x12345678])
                    {
                        cpu->Gdt[Entry] = limit & 0xFFFF | (ulong)(at & 0xFFFFFF) << 16 | (ulong)access << 40 | (ulong)(limit >> 16) << 48
                            | (ulong)flags << 52 | (ulong)(at >> 24) << 56;
                        SegmentRegister before = *GuestCpu.Segment(cpu, number);
                        if (!Segments.TryLoadData(cpu, number, selector))
                        {
                            Assert.Equal(before, *GuestCpu.Segment(cpu, number));
                            continue;
                        }

                        SegmentRegister loaded = *GuestCpu.Segment(cpu, number);
                        Segments.SetHidden(cpu, number, selector, cpu->Gdt[Entry]);
                        SegmentRegister booked = *GuestCpu.Segment(cpu, number);
                        Assert.Equal((booked.Base, booked.Limit, booked.Selector), (loaded.Base, loaded.Limit, loaded.Selector));
                        Assert.Equal(booked.Attributes | SegmentRegister.Accessed, loaded.Attributes);
                        Assert.True((loaded.Attributes & SegmentRegister.Present) != 0 && loaded.Dpl >= Math.Max((int)rpl, (int)cpu->Cpl));
                        Assert.True((loaded.Attributes & (SegmentRegister.NotSystem | SegmentRegister.Code)) == SegmentRegister.NotSystem);
                        Assert.True(number >= Seg.Fs || loaded.IsFlat);
                        quick++;
                    }
                }
            }
        }

        Assert.InRange(quick, 1, 256 * 16 * 6 / 4);
    }
}
