using Lguest.Jit.Launcher.Pci;
using Lguest.Jit.Launcher.Tests.Support;

namespace Lguest.Jit.Launcher.Tests.Pci;

public class DeviceBusTests
{
    [Fact]
    public void BARs_start_1_MiB_above_RAM_and_are_aligned_to_their_size()
    {
        var bus = new DeviceBus(64 << 20);
        Assert.Equal(0x04100000u, bus.Plug(new Region(128)));
        Assert.Equal(0x04100080u, bus.Plug(new Region(64)));
        Assert.Equal(0x04100100u, bus.Plug(new Region(128)));
        Assert.Equal(0x04101000u, bus.Limit);
        Assert.False(bus.Owns(0x04000000));
        Assert.False(bus.Owns(0x040FFFFF));
        Assert.True(bus.Owns(0x041000BF));
        Assert.False(bus.Owns(0x041000C0));
        Assert.True(bus.Owns(0x0410017F));
        Assert.False(bus.Owns(0x04100180));
        Assert.False(bus.Owns(0));
        Assert.False(bus.Owns(uint.MaxValue));
    }

    [Fact]
    public void Accesses_reach_their_region_with_the_offset_in_it()
    {
        var bus = new DeviceBus(64 << 20);
        var first = new Region(128);
        var second = new Region(64);
        bus.Plug(first);
        bus.Plug(second);
        bus.Write(0x04100090, 2, 0xABCD);
        Assert.Equal((0x10u, 2, 0xABCDu), second.LastWrite);
        Assert.Equal(0x7Fu, bus.Read(0x0410007F, 4));
        Assert.Equal(uint.MaxValue, bus.Read(0x04000000, 4));
        bus.Write(0x04000000, 4, 1);
    }

    [Fact]
    public void Any_width_at_any_address_of_the_console_is_survived()
    {
        using var machine = new ConsoleMachine();
        machine.Sink.Discard = true;
        foreach (int size in new[] { 1, 2, 4 })
        {
            for (uint offset = 0; offset < 128; offset++)
            {
                _ = machine.Read(offset, size);
                machine.Write(offset, size, 0xFFFFFFFF);
            }
        }

        new FakeDriver(machine).Start();
    }

    private sealed class Region(uint size) : IBarRegion
    {
        public uint Size => size;

        public (uint Offset, int Size, uint Value) LastWrite { get; private set; }

        public uint Read(uint offset, int size) => offset;

        public void Write(uint offset, int size, uint value) => LastWrite = (offset, size, value);
    }
}
