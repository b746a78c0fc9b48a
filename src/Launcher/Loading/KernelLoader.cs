using System.Buffers.Binary;
using Lguest.Jit.Core.Memory;

namespace Lguest.Jit.Launcher.Loading;

/// <summary>Fills fresh Guest RAM with all that a kernel expects to find when its first instruction runs (ABI sheet §2.1).</summary>
internal static class KernelLoader
{
    /// <summary>
    /// An initrd ends at the end of RAM, as lguest has it, but never above this: in larger Guests the top of RAM is not
    /// in the kernel's linear mapping, and an initrd across its edge is a question that we do not want to ask.
    /// </summary>
    public const uint InitrdCeiling = 768u << 20;

    /// <summary>Loads kernel, initrd, command line and boot parameters.</summary>
    /// <param name="ram">Fresh: never written.</param>
    /// <param name="kernelPath">A 32-bit vmlinux or bzImage.</param>
    /// <param name="initrdPath">Any file, or null.</param>
    /// <param name="commandLine">At most <see cref="BootParameters.MaximumCommandLine"/> bytes of UTF-8.</param>
    /// <exception cref="LoadException">One line about what is wrong with the input.</exception>
    public static LoadedKernel Load(GuestRam ram, string kernelPath, string? initrdPath, string commandLine)
    {
        using ImageFile kernelFile = ImageFile.Open(kernelPath, "kernel");
        LoadedKernel kernel = LoadKernel(ram, kernelFile);
        (uint address, uint size) = initrdPath is null ? (0, 0) : LoadInitrd(ram, initrdPath, kernel.End);
        BootParameters.Write(ram, commandLine, address, size);
        return kernel;
    }

    /// <summary>Loads a kernel that comes with the program itself.</summary>
    /// <exception cref="LoadException">The memory is too small for it.</exception>
    public static LoadedKernel LoadEmbedded(GuestRam ram, ReadOnlySpan<byte> image, uint address, uint entry, string commandLine)
    {
        if (!ram.TryWrite(address, image))
        {
            throw new LoadException(
                $"memory too small: the embedded Guest needs {MemorySize.Describe((ulong)address + (uint)image.Length)}, the Guest has {MemorySize.Describe(ram.Size)}");
        }

        BootParameters.Write(ram, commandLine, 0, 0);
        return new LoadedKernel("embedded", entry, address + (uint)image.Length);
    }

    private static LoadedKernel LoadKernel(GuestRam ram, ImageFile file)
    {
        Span<byte> magic = stackalloc byte[4];
        if (file.TryRead(0, magic) && BinaryPrimitives.ReadUInt32LittleEndian(magic) == ElfImage.Magic)
        {
            return ElfImage.Load(file, ram);
        }

        return BzImage.Recognises(file) ? BzImage.Load(file, ram) : throw file.Bad("not a kernel: neither ELF nor bzImage");
    }

    /// <returns>Guest-physical address and size, both whole pages.</returns>
    private static (uint Address, uint Size) LoadInitrd(GuestRam ram, string path, uint kernelEnd)
    {
        using ImageFile file = ImageFile.Open(path, "initrd");
        if (file.Length == 0)
        {
            throw file.Bad("is empty");
        }

        uint top = Math.Min(ram.Size, InitrdCeiling);
        if (file.Length > top)
        {
            string limit = top < ram.Size ? $"{MemorySize.Describe(top)} is the most" : $"the Guest has {MemorySize.Describe(ram.Size)}";
            throw file.Bad($"initrd larger than memory: {MemorySize.Describe((ulong)file.Length)}, {limit}");
        }

        // RAM is whole pages, so this does not get larger than it.
        uint size = ((uint)file.Length + GuestRam.PageSize - 1) & ~(uint)(GuestRam.PageSize - 1);
        uint address = top - size;
        if (address < kernelEnd)
        {
            throw file.Bad(
                $"memory too small: the kernel needs {MemorySize.Describe(kernelEnd)} and the initrd {MemorySize.Describe(size)}, the Guest has {MemorySize.Describe(ram.Size)}");
        }

        if (!file.TryRead(0, ram.Window(address, (uint)file.Length)))
        {
            throw file.Bad("became shorter while being read");
        }

        return (address, size);
    }
}
