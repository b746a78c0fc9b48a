using Lguest.Jit.Switcher.Tests.EndToEnd;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Switcher.Tests.Direct.Recorded;

namespace Lguest.Jit.Switcher.Tests.Direct;

/// <summary>Faults of the user that are delivered without the Switcher: what cr2 and the error code say.</summary>
public sealed class DirectFaultTests
{
    [Fact]
    public void Page_faults_say_where_and_why()
    {
        var scene = new TrapScene
        {
            Gates = { [PageFault] = 0x8E00 },
            Endings =
            {
                // Log the address as a record of its own would be too much: it goes into the next frame by way of eax.
                [PageFault] = static c =>
                {
                    c.add(esp, 4);
                    c.mov(ebx, __dword_ptr[AssembledGuest.Data + LguestData.Cr2]);
                    c.add(__dword_ptr[esp], 6);
                },
            },
            User = static c =>
            {
                for (uint i = 0; i < 4; i++)
                {
                    c.mov(ecx, 0x00A00000 + 0x1004 * i);
                    c.mov(__dword_ptr[ecx + 0x12345], ebx);
                    c.push(ebx);
                    c.@int(0x80);
                }

                // Reading, and ring 0's page from ring 3.
                c.mov(ebx, __dword_ptr[0x00B00000]);
                c.push(ebx);
                c.cmp(__dword_ptr[AssembledGuest.Data], ebx);
                c.@int(0x80);
            },
            ExitsSaved = 5,
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal([6u, 6, 6, 6, 4, 5], records.Where(static r => r[Vector] == PageFault).Select(static r => r[0]));
    }

    /// <summary>Code in the line of irq_enabled and cr2 is nothing that anyone in his right mind has; but it must not go stale.</summary>
    [Theory]
    [InlineData(0x8E00u)]
    [InlineData(0x8F00u)]
    public void Code_made_of_the_fault_address_is_noticed_when_that_changes(uint gate)
    {
        const uint First = 0xC3C39090;
        const uint Second = 0xC3C34290;
        var scene = new TrapScene
        {
            Gates = { [PageFault] = gate },
            Endings =
            {
                [PageFault] = static c =>
                {
                    c.add(esp, 4);
                    c.call(AssembledGuest.Data + LguestData.Cr2);
                    c.add(__dword_ptr[esp], 6);
                },
            },
            User = static c =>
            {
                // edx counts what the kernel made of the address: "inc edx" is in the second only. It moves the stack, which shows.
                c.mov(edx, 0);
                foreach (uint address in new[] { First, First, Second, Second, First })
                {
                    c.mov(ecx, address);
                    c.mov(__dword_ptr[ecx + 0x0], 5);
                    c.nop();
                    c.lea(eax, __dword_ptr[esp + edx * 4]);
                    c.xchg(eax, esp);
                    c.@int(0x80);
                    c.xchg(eax, esp);
                }
            },
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal("CRASH: the end", end);
        Assert.Equal(5, records.Count(static r => r[Vector] == PageFault));
        Assert.Equal([0u, 0, 4, 8, 8], records[3..].Where(static r => r[Vector] == 0x80).Select(static r => r[OldEsp] - AssembledGuest.UserStack));
    }

    /// <summary>Nothing is executed between two such faults, and that is what the Switcher counts before it gives the Guest up.</summary>
    [Fact]
    public void A_handler_that_faults_at_its_first_instruction_for_ever_is_the_switchers_to_count()
    {
        // More than 65,536 frames of three words fit between this and the page tables.
        const uint HighStack = 0x003F0000;
        var scene = new TrapScene
        {
            Gates = { [InvalidOpcode] = 0x8E00 },
            Extra = static guest => _ = guest.Place(AssembledGuest.HandlerOf(InvalidOpcode), static c => c.ud2()),
            OnControl = static c =>
            {
                // A warm stack: the first of them is delivered directly, and counts.
                c.mov(esp, HighStack);
                c.push(eax);
                c.pop(eax);
                c.ud2();
            },
            User = static c => c.@int((byte)TrapScene.Control),
        };
        (List<uint[]> records, string end) = scene.Play();
        Assert.Equal(3, records.Count);
        Assert.Contains("trap", end, StringComparison.Ordinal);
        Assert.NotEqual("CRASH: the end", end);
    }
}
