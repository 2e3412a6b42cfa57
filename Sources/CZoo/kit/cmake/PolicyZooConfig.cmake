# find_package(PolicyZoo 1.0) finds the plugin contract; zoo_add_plugin(NAME SOURCES...) builds a plugin.
#
#   find_package(PolicyZoo 1.0 REQUIRED)
#   zoo_add_plugin(mine mine.cpp)       # libmine.so, and the target check-mine, which runs `zoo plugins check` on it
get_filename_component(_zoo_above "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(EXISTS "${_zoo_above}/include/zoo/zoo.h") # PREFIX/lib/cmake/PolicyZoo
  set(PolicyZoo_INCLUDE_DIR "${_zoo_above}/include")
  set(PolicyZoo_EXPORT_MAP "${_zoo_above}/share/policyzoo/plugin.map")
  set(_zoo_program "${_zoo_above}/bin")
else() # the source tree
  get_filename_component(_zoo_module "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
  get_filename_component(_zoo_root "${_zoo_module}/../.." ABSOLUTE)
  set(PolicyZoo_INCLUDE_DIR "${_zoo_module}/include")
  set(PolicyZoo_EXPORT_MAP "${_zoo_module}/plugin.map")
  set(_zoo_program "${_zoo_root}/.build/release")
endif()
find_program(PolicyZoo_PROGRAM zoo HINTS "${_zoo_program}")

if(NOT TARGET PolicyZoo::headers)
  add_library(PolicyZoo::headers INTERFACE IMPORTED)
  set_target_properties(PolicyZoo::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${PolicyZoo_INCLUDE_DIR}")
endif()

# Hidden visibility alone leaves the templates of the C++ library visible; the map exports the entry and nothing else.
function(zoo_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES
    PREFIX lib C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${name} PRIVATE PolicyZoo::headers)
  if(APPLE)
    set_target_properties(${name} PROPERTIES SUFFIX .dylib)
    target_link_libraries(${name} PRIVATE "-Wl,-exported_symbol,_zoo_plugin_entry_v1")
  else()
    target_link_libraries(${name} PRIVATE "-Wl,--version-script=${PolicyZoo_EXPORT_MAP}" -Wl,-z,now -Wl,-z,nodelete
      -Wl,-z,defs m)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS "${PolicyZoo_EXPORT_MAP}")
  endif()
  add_custom_target(check-${name} DEPENDS ${name} COMMAND "${PolicyZoo_PROGRAM}" plugins check "$<TARGET_FILE:${name}>" VERBATIM)
endfunction()
