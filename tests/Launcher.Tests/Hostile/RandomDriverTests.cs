using Lguest.Jit.Core.Execution;
using Lguest.Jit.Launcher.Virtio;
using Xunit.Abstractions;

namespace Lguest.Jit.Launcher.Tests.Hostile;

/// <summary>
/// Drivers that set the console up almost as they should, with rings anywhere and anything in them, and poke at ports and
/// configuration space: the device may break, the Host may not.
/// </summary>
public sealed class RandomDriverTests(ITestOutputHelper output)
{
    private const int Drivers = 20_000;
    private const uint Rings = 0x20000;

    private readonly Random _random = new(20150401);

    [Fact]
    public void Twenty_thousand_random_drivers_break_nothing_but_their_device()
    {
        using var machine = new HostileMachine();
        IDeviceMemory bus = machine.Machine.Devices!;
        int alive = 0;
        int broken = 0;
        for (int i = 0; i < Drivers; i++)
        {
            machine.Type("typed"u8);
            FillRings(machine);
            SetUp(bus);
            var status = (VirtioStatus)bus.Read(HostileLayout.Device + VirtioRegister.DeviceStatus, 1);
            alive += (status & (VirtioStatus.DriverOk | VirtioStatus.NeedsReset)) == VirtioStatus.DriverOk ? 1 : 0;
            Drive(machine, bus);
            status = (VirtioStatus)bus.Read(HostileLayout.Device + VirtioRegister.DeviceStatus, 1);
            broken += (status & VirtioStatus.NeedsReset) != 0 ? 1 : 0;
        }

        output.WriteLine($"{alive} of {Drivers} drivers got their device to run, {broken} ended with a broken one; {machine.Printed} bytes were printed");
        Assert.True(alive > Drivers / 10);
        Assert.True(broken > Drivers / 10);
        Assert.True(machine.Printed > Drivers);
    }

    /// <summary>status, features, queues, DRIVER_OK; now and then one step is left out or gets a wild value.</summary>
    private void SetUp(IDeviceMemory bus)
    {
        Write(bus, VirtioRegister.DeviceStatus, 1, 0);
        Step(bus, VirtioRegister.DeviceStatus, 1, 1);
        Step(bus, VirtioRegister.DeviceStatus, 1, 3);
        Step(bus, VirtioRegister.DriverFeatureSelect, 4, 1);
        Step(bus, VirtioRegister.DriverFeature, 4, 1);
        Step(bus, VirtioRegister.DeviceStatus, 1, 0xB);
        for (uint queue = 0; queue < 2; queue++)
        {
            Step(bus, VirtioRegister.QueueSelect, 2, queue);
            Step(bus, VirtioRegister.QueueSize, 2, 1u << _random.Next(9));
            Step(bus, VirtioRegister.QueueDescriptors, 4, Rings + queue * 0x4000);
            Step(bus, VirtioRegister.QueueAvailable, 4, Rings + queue * 0x4000 + 0x1000);
            Step(bus, VirtioRegister.QueueUsed, 4, Rings + queue * 0x4000 + 0x2000);
            Step(bus, VirtioRegister.QueueEnable, 2, 1);
        }

        Step(bus, VirtioRegister.DeviceStatus, 1, 0xF);
    }

    private void Step(IDeviceMemory bus, uint register, int size, uint value)
    {
        if (_random.Next(200) != 0)
        {
            Write(bus, register, size, _random.Next(100) == 0 ? HostileWords.Place(_random) & ~15u : value);
        }
    }

    /// <summary>Notifies, and registers at random; ports and configuration space.</summary>
    private void Drive(HostileMachine machine, IDeviceMemory bus)
    {
        for (int i = _random.Next(12); i > 0; i--)
        {
            int size = 1 << _random.Next(3);
            uint address = HostileLayout.Device + (uint)_random.Next(0x90);
            switch (_random.Next(6))
            {
                case 0 when bus.Owns(address):
                    bus.Write(address, size, HostileWords.Word(_random));
                    break;
                case 1 when bus.Owns(address):
                    _ = bus.Read(address, size);
                    break;
                case 2:
                    machine.Ports.Out((ushort)_random.Next(0xCF8, 0xD00), size, 0x80000000 | (uint)_random.Next(0x1000));
                    _ = machine.Ports.In((ushort)_random.Next(0xCF8, 0xD00), size);
                    break;
                case 3:
                    machine.Ports.Out((ushort)_random.Next(0x10000), size, HostileWords.Any(_random));
                    _ = machine.Ports.In((ushort)_random.Next(0x10000), size);
                    break;
                default:
                    Write(bus, VirtioRegister.Notify, 2, (uint)_random.Next(3));
                    break;
            }
        }
    }

    private void FillRings(HostileMachine machine)
    {
        for (uint queue = 0; queue < 2; queue++)
        {
            uint at = Rings + queue * 0x4000;
            bool writable = queue == 0;
            for (uint i = 0; i < 16; i++)
            {
                uint flags = (writable == (_random.Next(20) != 0) ? 2u : 0) | (_random.Next(3) == 0 ? 1u : 0) | (_random.Next(60) == 0 ? 4u : 0);
                machine[at + 16 * i] = _random.Next(30) == 0 ? HostileWords.Place(_random) : (uint)_random.Next((int)HostileLayout.RamSize - 0x1000);
                machine[at + 16 * i + 4] = _random.Next(60) == 0 ? 1u : 0;
                machine[at + 16 * i + 8] = _random.Next(60) == 0 ? HostileWords.Word(_random) : (uint)_random.Next(64);
                machine[at + 16 * i + 12] = flags | ((uint)_random.Next(_random.Next(30) == 0 ? 0x10000 : 16) << 16);
                machine[at + 0x1004 + 4 * (i / 2)] = (uint)_random.Next(16) | ((uint)_random.Next(16) << 16);
            }

            machine[at + 0x1000] = (uint)_random.Next(2) | ((uint)(_random.Next(30) == 0 ? _random.Next(0x10000) : _random.Next(8)) << 16);
            machine[at + 0x2000] = _random.Next(60) == 0 ? 1u : 0;
        }
    }

    private static void Write(IDeviceMemory bus, uint register, int size, uint value) => bus.Write(HostileLayout.Device + register, size, value);
}
